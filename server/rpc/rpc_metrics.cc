#include "server/rpc/rpc_metrics.h"

#include <utility>

namespace latchkey {
namespace {

constexpr int kOk = 0;
constexpr int kCancelled = 1;
constexpr size_t kUnknown = 2;

// As gRPC writes them.
constexpr std::array<std::string_view, MethodMetrics::kCodes> kCodeNames = {
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED"};

constexpr char kUnknownPath[] = "/unknown/UNKNOWN";

// "a.B" and "C" of "/a.B/C".
std::pair<std::string_view, std::string_view> SplitPath(std::string_view path) {
  const size_t slash = path.rfind('/');
  return {path.substr(1, slash - 1), path.substr(slash + 1)};
}

}  // namespace

MethodMetrics::MethodMetrics(std::string_view path, bool stream,
                             ThreadCells& reasons)
    : service_(SplitPath(path).first),
      name_(SplitPath(path).second),
      stream_(stream),
      reasons_(reasons) {}

void MethodMetrics::CountEnd(const CallEnd& end) {
  const auto code = static_cast<size_t>(end.code);
  const ThreadCells::Row row = cells_.OfThisThread();
  row.Add(code < kCodes ? code : kUnknown, 1);
  row.Add(kDurations + DurationBucket(end.duration), 1);
  row.Add(kDurationSum, static_cast<uint64_t>(end.duration));
  row.Add(kRequestBytes, end.request_bytes);
  row.Add(kReplyBytes, end.reply_bytes);
  if (end.code != kOk) {
    reasons_.OfThisThread().Add(static_cast<size_t>(end.reason), 1);
  }
}

uint64_t MethodMetrics::calls() const {
  uint64_t sum = 0;
  for (size_t code = 0; code < kCodes; ++code) sum += cells_.Sum(code);
  return sum;
}

std::array<uint64_t, kDurationBuckets> MethodMetrics::durations() const {
  std::array<uint64_t, kDurationBuckets> counts;
  for (size_t i = 0; i < kDurationBuckets; ++i) {
    counts[i] = cells_.Sum(kDurations + i);
  }
  return counts;
}

RpcMetrics::RpcMetrics()
    : reasons_(std::make_unique<ThreadCells>(kErrorReasonCount)),
      admission_(std::make_unique<AdmissionMetrics>()) {
  Add(kUnknownPath, /*stream=*/false);
}

MethodMetrics& RpcMetrics::Add(std::string_view path, bool stream) {
  methods_.push_back(std::make_unique<MethodMetrics>(path, stream, *reasons_));
  return *methods_.back();
}

void RpcMetrics::Collect(MetricsText& text) const {
  CollectMethods(text);
  CollectErrors(text);
  admission_->Collect(text);
}

void RpcMetrics::CollectMethods(MetricsText& text) const {
  const auto sum_of = [this](uint64_t (MethodMetrics::*count)() const) {
    uint64_t sum = 0;
    for (const auto& method : methods_) sum += ((*method).*count)();
    return sum;
  };
  text.Family("latchkey_commands_processed_total", MetricType::kCounter,
              "RPCs that were answered, of every service, with any code.");
  text.Sample({}, sum_of(&MethodMetrics::calls));

  text.Family("latchkey_commands_total", MetricType::kCounter,
              "RPCs that were answered, by method and gRPC code.");
  for (const auto& method : methods_) {
    for (int code = 0; code < static_cast<int>(kCodeNames.size()); ++code) {
      const uint64_t calls = method->calls(code);
      // That of OK from the beginning, so that a rate can be taken of it.
      if (calls == 0 && code != kOk) continue;
      text.Sample({{"service", method->service()},
                   {"cmd", method->name()},
                   {"code", kCodeNames[static_cast<size_t>(code)]}},
                  calls);
    }
  }

  text.Family("latchkey_commands_duration_seconds", MetricType::kHistogram,
              "Time from the arrival of an RPC to its answer, by method; of a "
              "stream, its whole life.");
  for (const auto& method : methods_) {
    text.Durations({{"service", method->service()}, {"cmd", method->name()}},
                   method->durations(), method->duration_sum());
  }

  text.Family("latchkey_net_input_bytes_total", MetricType::kCounter,
              "Request messages of unary RPCs, in bytes, without framing and "
              "headers.");
  text.Sample({}, sum_of(&MethodMetrics::request_bytes));
  text.Family("latchkey_net_output_bytes_total", MetricType::kCounter,
              "Response messages, in bytes, without framing and headers.");
  text.Sample({}, sum_of(&MethodMetrics::reply_bytes));
}

void RpcMetrics::CollectErrors(MetricsText& text) const {
  text.Family("latchkey_errors_total", MetricType::kCounter,
              "RPCs that failed, by the reason in their ErrorInfo "
              "(errors.proto); ERROR_REASON_UNSPECIFIED is for those without "
              "one, as a plain cancel or an unknown method. A kept outcome "
              "that is told again counts again.");
  for (size_t i = 0; i < kErrorReasonCount; ++i) {
    const auto reason = static_cast<ErrorReason>(i);
    text.Sample({{"err", ErrorReasonName(reason)}}, errors(reason));
  }

  text.Family("latchkey_deadline_expired_total", MetricType::kCounter,
              "RPCs whose deadline had passed, by where that was noticed. "
              "Nothing was changed by any of them.");
  text.Sample({{"stage", "arrival"}}, errors(ErrorReason::kExpiredOnArrival));
  text.Sample({{"stage", "queue"}}, errors(ErrorReason::kExpiredInQueue));
  text.Sample({{"stage", "before_commit"}},
              errors(ErrorReason::kExpiredBeforeCommit));

  uint64_t cancelled = 0;
  for (const auto& method : methods_) {
    if (!method->stream()) cancelled += method->calls(kCancelled);
  }
  text.Family("latchkey_cancelled_total", MetricType::kCounter,
              "Unary RPCs that their client cancelled, or whose connection was "
              "lost, and that the server stopped for that. Nothing was changed "
              "by any of them.");
  text.Sample({{"stage", "before_commit"}}, cancelled);

  text.Family("latchkey_shed_total", MetricType::kCounter,
              "RPCs that were refused before anything was done, by reason.");
  for (const ErrorReason reason :
       {ErrorReason::kOverloaded, ErrorReason::kDraining}) {
    text.Sample({{"reason", ErrorReasonName(reason)}}, errors(reason));
  }

  text.Family("latchkey_idempotency_stamps_refused_total", MetricType::kCounter,
              "Keyed writes that were refused for their stamp: older than the "
              "window, or of an earlier life of the server.");
  text.Sample({{"cause", "expired"}},
              errors(ErrorReason::kIdempotencyKeyExpired));
  text.Sample({{"cause", "incarnation"}},
              errors(ErrorReason::kIncarnationChanged));
}

}  // namespace latchkey
