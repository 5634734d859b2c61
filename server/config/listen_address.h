// ListenAddress is where a server listens: HOST:PORT, with an IPv6 address in
// brackets.
//
// Thread safety: free functions and values, no shared state.
//
// Example:
//   ParseListenAddress("[::1]:7411")  // {"::1", 7411}

#ifndef LATCHKEY_SERVER_CONFIG_LISTEN_ADDRESS_H_
#define LATCHKEY_SERVER_CONFIG_LISTEN_ADDRESS_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace latchkey {

struct ListenAddress {
  // An IPv4 or IPv6 address, without brackets, or a name.
  std::string host;
  int port = 0;
};

// Errors: INVALID_ARGUMENT, with what is wrong about `text`.
absl::StatusOr<ListenAddress> ParseListenAddress(std::string_view text);

// The opposite of ParseListenAddress().
std::string FormatListenAddress(const ListenAddress& address);

// Whether only this machine can reach `host`: 127.0.0.0/8, ::1, "localhost".
bool IsLoopback(const std::string& host);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_CONFIG_LISTEN_ADDRESS_H_
