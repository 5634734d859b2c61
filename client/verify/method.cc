#include "client/verify/method.h"

#include <array>

namespace latchkey::verify {
namespace {

constexpr std::string_view kPrefix = "/latchkey.v1.Cache/";

// Indexed by Method.
constexpr std::array<std::string_view, kMethods> kPaths = {
    "/latchkey.v1.Cache/Get",       "/latchkey.v1.Cache/BatchGet",
    "/latchkey.v1.Cache/Put",       "/latchkey.v1.Cache/BatchPut",
    "/latchkey.v1.Cache/Delete",    "/latchkey.v1.Cache/BatchDelete",
    "/latchkey.v1.Cache/Increment", "/latchkey.v1.Cache/Touch",
    "/latchkey.v1.Cache/Move",      "/latchkey.v1.Cache/Transfer",
    "/latchkey.v1.Cache/Transact",  "/latchkey.v1.Cache/GetOutcome",
};

}  // namespace

std::string_view MethodPath(Method method) {
  return kPaths[static_cast<size_t>(method)];
}

std::string_view MethodName(Method method) {
  return MethodPath(method).substr(kPrefix.size());
}

}  // namespace latchkey::verify
