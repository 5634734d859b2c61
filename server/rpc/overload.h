// How a call that is not run is answered, and which go first.
//
// Thread safety: free functions, no shared state.

#ifndef LATCHKEY_SERVER_RPC_OVERLOAD_H_
#define LATCHKEY_SERVER_RPC_OVERLOAD_H_

#include <string_view>

#include "absl/status/status.h"
#include "server/base/clock.h"
#include "server/rpc/call.h"

namespace latchkey {

// How long a client should wait before it asks again where no queue tells: when
// the server drains, until it has learnt that this connection ends; when it is
// full of calls, until some are over; when it is full of answers, until some
// have been read.
inline constexpr Nanos kPushback = 200 * kNanosPerMilli;

// `error` of a call that no handler has seen: nothing was applied.  Said of
// reads as well; only the handlers know which calls write.
absl::Status NotRun(const absl::Status& error);

// Whether the client says that an attempt came before this one.
bool IsRetry(const Call& call);

// Tells the client to wait for `pushback` before its next attempt.
void AddPushback(Call& call, Nanos pushback);

// Finishes `call` with UNAVAILABLE, OVERLOADED and a pushback.
void RefuseOverloaded(Call& call, Nanos pushback);

// The same for a call whose request or answer there is no memory for.
void RefuseForMemory(Call& call);

// Finishes a call that is one too many of its principal's, or on one connection
// too many, with PrincipalAccount::OverLimitError() and a pushback.
void RefuseForPrincipal(Call& call, const absl::Status& error);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_OVERLOAD_H_
