// Transport carries the calls of a MethodTable: what the server knows of the
// gRPC library's transport and of the native one.
//
// Thread safety: live_calls() and connections() from any thread; the rest
// belongs to the owner.

#ifndef LATCHKEY_SERVER_RPC_TRANSPORT_H_
#define LATCHKEY_SERVER_RPC_TRANSPORT_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "server/base/clock.h"

namespace latchkey {

class Transport {
 public:
  // Cancels what still runs.
  virtual ~Transport() = default;

  // Starts to serve and returns the port.  At most once.
  //
  // Errors: UNAVAILABLE when the address cannot be listened on.
  virtual absl::StatusOr<int> Start() = 0;

  // Refuses new calls with UNAVAILABLE, DRAINING, lets the others finish for
  // `grace`, cancels the rest, and returns when all are over.  A grace of 0
  // cancels at once.  Does nothing where Start() did not succeed, and the
  // second time.
  //
  // REQUIRES: handlers of streams finish their calls when they are cancelled.
  virtual void Shutdown(Nanos grace) = 0;

  // Calls whose handlers have not ended, or whose answers are on their way.
  virtual int64_t live_calls() const = 0;

  // Connections that are open; nothing where the transport does not know.
  virtual std::optional<int64_t> connections() const = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_TRANSPORT_H_
