// What the engines that send requests themselves have in common.
//
// Thread safety: free functions, no shared state.

#ifndef LATCHKEY_CLIENT_LOAD_CALLS_H_
#define LATCHKEY_CLIENT_LOAD_CALLS_H_

#include <grpcpp/support/status.h>

#include <string>

#include "client/load/engine.h"

namespace latchkey::load {

// As "/latchkey.v1.Cache/Get"; lives for ever.
const std::string& PathOf(Method method);

// The idempotency key of a write; else, and where there is none, empty.
std::string KeyOf(const Call& call);

// Whether its outcome may be unknown.
inline bool MayChange(Method method) {
  return method == Method::kGetOutcome || IsWrite(method);
}

// What is known of the effect of a call of which so many copies were sent, the
// last one of which ended with `error`.
client::Outcome OutcomeOf(Method method, int attempts,
                          const client::CallError& error);

// Whether a call that ended so is one that --retries sends again.
inline bool IsRetried(grpc::StatusCode code) {
  return code == grpc::StatusCode::UNAVAILABLE ||
         code == grpc::StatusCode::DEADLINE_EXCEEDED;
}

// What a trailer grpc-retry-pushback-ms asks for; 0 where that is nothing.
Nanos ParsePushback(std::string_view text);

Nanos MonotonicNow();

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_CALLS_H_
