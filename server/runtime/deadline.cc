#include "server/runtime/deadline.h"

#include "server/base/check.h"
#include "server/base/error.h"

namespace latchkey {
namespace {

absl::Status DeadlineError(DeadlineStage stage) {
  const auto make = [](ErrorReason reason, std::string_view message) {
    return MakeError(absl::StatusCode::kDeadlineExceeded, reason, message);
  };
  switch (stage) {
    case DeadlineStage::kArrival:
      return make(ErrorReason::kExpiredOnArrival,
                  "the deadline had passed when the request arrived");
    case DeadlineStage::kQueue:
      return make(ErrorReason::kExpiredInQueue,
                  "the deadline passed in a queue");
    case DeadlineStage::kBeforeCommit:
      break;
  }
  return make(ErrorReason::kExpiredBeforeCommit,
              "the deadline passed before the commit");
}

}  // namespace

absl::Status EndedError(EndReason reason, DeadlineStage stage) {
  switch (reason) {
    case EndReason::kNone:
      break;
    case EndReason::kDeadline:
      return DeadlineError(stage);
    case EndReason::kClientCancelled:
      return absl::CancelledError("the client cancelled the request");
    case EndReason::kConnectionLost:
      return absl::CancelledError("the connection was lost");
    case EndReason::kDraining:
      return MakeError(absl::StatusCode::kUnavailable, ErrorReason::kDraining,
                       "the server is shutting down");
  }
  LATCHKEY_CHECK(false, "only a request that ended has an end");
}

void DeadlineSource::End(EndReason reason) {
  LATCHKEY_CHECK(reason != EndReason::kNone && reason != EndReason::kDeadline,
                 "a deadline ends by itself");
  EndReason expected = EndReason::kNone;
  ended_.compare_exchange_strong(expected, reason, std::memory_order_release,
                                 std::memory_order_relaxed);
}

}  // namespace latchkey
