// ReadTokenFile reads the bearer token that a client shows to its server.
//
// Thread safety: a free function.
//
// Example:
//   const absl::StatusOr<std::string> token = ReadTokenFile("/run/token");
//   if (!token.ok()) return token.status();
//   MakeChannel("cache.example:7411", {.token = *token});

#ifndef LATCHKEY_CLIENT_LIB_TOKEN_H_
#define LATCHKEY_CLIENT_LIB_TOKEN_H_

#include <string>

#include "absl/status/statusor.h"

namespace latchkey::client {

// The longest token: what a server takes of all metadata is some times that.
inline constexpr size_t kTokenBytesMax = 4096;

// What `file` holds, without the white space around it.
//
// Errors: INVALID_ARGUMENT, as "--token-file: /run/token: ...", where it cannot
// be read, or holds no token: one or more characters of visible ASCII.
absl::StatusOr<std::string> ReadTokenFile(const std::string& file);

}  // namespace latchkey::client

#endif  // LATCHKEY_CLIENT_LIB_TOKEN_H_
