#include "server/rpc/call.h"

#include "server/base/check.h"

namespace latchkey {
namespace {

// Metadata by which a client asks for, and gets, the time a request spent in
// the server.
constexpr std::string_view kTimingRequest = "latchkey-timing";
constexpr std::string_view kTimingAnswer = "latchkey-server-us";

}  // namespace

void Call::AddHeader(std::string_view name, std::string_view value) {
  LATCHKEY_CHECK(!finished_, "a header comes before the end of its call");
  headers_.emplace_back(name, value);
}

void Call::AddTrailer(std::string_view name, std::string_view value) {
  LATCHKEY_CHECK(!finished_, "a trailer comes before the end of its call");
  trailers_.emplace_back(name, value);
}

void Call::Reply(const ReplyBody& response) {
  DoReply(response,
          TakeTrailers(0, ErrorReason::kUnspecified, response.size()));
}

void Call::Fail(const absl::Status& error) {
  LATCHKEY_CHECK(!error.ok(), "a call fails with an error");
  const WireStatus status = ToWireStatus(error);
  DoFinish(status, TakeTrailers(status.code, status.reason, 0));
}

void Call::Close() {
  DoFinish(WireStatus{}, TakeTrailers(0, ErrorReason::kUnspecified, 0));
}

void Call::Send(const google::protobuf::MessageLite& message) {
  LATCHKEY_CHECK(!finished_, "a message comes before the end of its call");
  const size_t bytes = message.ByteSizeLong();
  if (metrics_ != nullptr) metrics_->CountSent(bytes);
  DoSend(message);
}

void Call::Receive() {
  LATCHKEY_CHECK(!finished_, "a finished call receives nothing");
  DoReceive();
}

Trailers Call::TakeTrailers(int code, ErrorReason reason, size_t reply_bytes) {
  LATCHKEY_CHECK(!finished_, "a call is finished once");
  finished_ = true;
  const bool timing = FindMetadata(kTimingRequest) == "1";
  if (metrics_ == nullptr && !timing) return std::move(trailers_);
  const Nanos elapsed = clock_.Now() - arrival_;
  if (timing) {
    trailers_.emplace_back(kTimingAnswer,
                           std::to_string(elapsed / kNanosPerMicro));
  }
  // Before the answer goes out: who has it finds it counted.
  if (metrics_ != nullptr) {
    metrics_->CountEnd({.code = code,
                        .reason = reason,
                        .duration = elapsed,
                        .request_bytes = request_bytes_,
                        .reply_bytes = reply_bytes});
  }
  return std::move(trailers_);
}

}  // namespace latchkey
