#include "server/rpc/admission_metrics.h"

#include <array>
#include <string_view>

namespace latchkey {
namespace {

constexpr std::array<std::string_view, AdmissionMetrics::kCauses> kCauseNames =
    {"queue_full", "too_late", "queue_delay", "live_calls", "memory"};

}  // namespace

void AdmissionMetrics::CountWait(Nanos wait) {
  const ThreadCells::Row row = cells_.OfThisThread();
  row.Add(kWaits + DurationBucket(wait), 1);
  row.Add(kWaitSum, static_cast<uint64_t>(wait));
}

uint64_t AdmissionMetrics::waits() const {
  uint64_t sum = 0;
  for (size_t i = 0; i < kDurationBuckets; ++i) sum += cells_.Sum(kWaits + i);
  return sum;
}

void AdmissionMetrics::Collect(MetricsText& text) const {
  text.Family("latchkey_overloaded_total", MetricType::kCounter,
              "RPCs that were refused with OVERLOADED by admission, by cause: "
              "too many waited, it would have waited for longer than its "
              "deadline, the queue has stood, too many were in flight, too "
              "much memory was held. Part of latchkey_shed_total.");
  for (size_t i = 0; i < kCauses; ++i) {
    text.Sample({{"cause", kCauseNames[i]}}, cells_.Sum(i));
  }
  std::array<uint64_t, kDurationBuckets> waits;
  for (size_t i = 0; i < kDurationBuckets; ++i) {
    waits[i] = cells_.Sum(kWaits + i);
  }
  text.Family("latchkey_point_queue_wait_seconds", MetricType::kHistogram,
              "How long unary RPCs waited for the thread that runs them, of "
              "those that had to: a thread with nothing else to do runs them "
              "as they come.");
  text.Durations({}, waits, static_cast<Nanos>(cells_.Sum(kWaitSum)));
}

}  // namespace latchkey
