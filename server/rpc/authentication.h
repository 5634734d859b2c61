// Who may begin a call where a server has tokens.
//
// A call of a method that is open to anybody has no principal, whatever it
// shows.  Every other one without a good token is answered with
// UNAUTHENTICATED, which does not tell what was wrong.
//
// Thread safety: free functions, no shared state.

#ifndef LATCHKEY_SERVER_RPC_AUTHENTICATION_H_
#define LATCHKEY_SERVER_RPC_AUTHENTICATION_H_

#include "absl/status/status.h"
#include "server/access/token_keeper.h"
#include "server/rpc/call.h"
#include "server/rpc/method_table.h"

namespace latchkey {

// Whether a call of `method`, which is null for an unknown one, needs a token;
// `tokens` is null for a server without.
inline bool NeedsToken(const TokenKeeper* tokens, const Method* method) {
  return tokens != nullptr && !(method != nullptr && method->is_open);
}

// Who has sent `call`.
Caller FindCaller(const TokenKeeper& tokens, const Call& call);

// For a call that needs a token and has no good one.
absl::Status UnauthenticatedError();

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_AUTHENTICATION_H_
