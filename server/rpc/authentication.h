// Who has sent a call, and whether he may.
//
//   method open to anybody      -> nobody is asked for
//   a token, where there are    -> its principal, or refused
//   a certificate               -> the principal of its name
//   neither, where tokens are   -> refused
//   neither, where none are     -> nobody, who may
//
// A refused call is UNAUTHENTICATED, which does not tell what was wrong.
//
// Thread safety: free functions, no shared state.

#ifndef LATCHKEY_SERVER_RPC_AUTHENTICATION_H_
#define LATCHKEY_SERVER_RPC_AUTHENTICATION_H_

#include <string_view>

#include "absl/status/status.h"
#include "server/access/limits_keeper.h"
#include "server/access/token_keeper.h"
#include "server/rpc/call.h"
#include "server/rpc/method_table.h"

namespace latchkey {

// Fills in who has sent `call` of `method`, which is null for an unknown one,
// and returns whether he may.  `tokens` and `limits` are null for a server
// without.
// `certificate_name` is what CertificatePrincipal() made of the client's, or
// empty; `caller` refers to it.
bool Authenticate(const TokenKeeper* tokens, LimitsKeeper* limits,
                  const Method* method, const Call& call,
                  const Principal& certificate_name, Caller* caller);

// The principal of a certificate that a client CA has issued for the common
// name `name`; empty where that is no name of a principal.
Principal CertificatePrincipal(std::string_view name);

// For a call that is refused.
absl::Status UnauthenticatedError();

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_AUTHENTICATION_H_
