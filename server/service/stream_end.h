// How the streaming handlers of this folder answer a call that was ended before
// they finished it.

#ifndef LATCHKEY_SERVER_SERVICE_STREAM_END_H_
#define LATCHKEY_SERVER_SERVICE_STREAM_END_H_

#include "absl/status/status.h"
#include "server/base/clock.h"
#include "server/rpc/call.h"
#include "server/runtime/deadline.h"

namespace latchkey {

// The error for StreamHandler::OnCancel().  Only an end that was announced gets
// there, so at the end of all time the token still tells the right one.
inline absl::Status StreamEndedError(const Call& call) {
  return EndedError(call.token().Check(kNever), DeadlineStage::kBeforeCommit);
}

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SERVICE_STREAM_END_H_
