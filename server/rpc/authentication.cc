#include "server/rpc/authentication.h"

#include <string_view>

#include "server/rpc/overload.h"

namespace latchkey {

Caller FindCaller(const TokenKeeper& tokens, const Call& call) {
  return tokens.Find(call.FindMetadata("authorization").value_or(""));
}

absl::Status UnauthenticatedError() {
  return NotRun(absl::UnauthenticatedError("this server wants a valid token"));
}

}  // namespace latchkey
