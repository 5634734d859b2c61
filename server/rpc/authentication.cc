#include "server/rpc/authentication.h"

#include "server/access/lines.h"
#include "server/rpc/overload.h"

namespace latchkey {

namespace {

bool FindCaller(const TokenKeeper* tokens, const Call& call,
                const Principal& certificate_name, Caller* caller) {
  if (tokens != nullptr) {
    const auto authorization = call.FindMetadata("authorization");
    if (authorization.has_value()) {
      *caller = tokens->Find(*authorization);
      return caller->principal != nullptr;
    }
  }
  if (certificate_name.empty()) return tokens == nullptr;
  *caller = {.principal = &certificate_name};
  return true;
}

}  // namespace

bool Authenticate(const TokenKeeper* tokens, LimitsKeeper* limits,
                  const Method* method, const Call& call,
                  const Principal& certificate_name, Caller* caller) {
  if (method != nullptr && method->is_open) return true;
  if (!FindCaller(tokens, call, certificate_name, caller)) return false;
  if (limits != nullptr && caller->principal != nullptr) {
    caller->account = limits->AccountOf(*caller->principal);
  }
  return true;
}

Principal CertificatePrincipal(std::string_view name) {
  return CheckPrincipal(name).ok() ? Principal(name) : Principal();
}

absl::Status UnauthenticatedError() {
  return NotRun(absl::UnauthenticatedError("this server wants a valid token"));
}

}  // namespace latchkey
