// MakeTlsCredentials makes what a channel needs to speak TLS from the files
// that a user names.
//
// Thread safety: a free function; credentials may be used by several threads.
//
// Example:
//   const auto credentials = MakeTlsCredentials({.ca_file = "ca.pem"});
//   if (!credentials.ok()) return credentials.status();
//   MakeChannel("cache.example:7411", {.credentials = *credentials});

#ifndef LATCHKEY_CLIENT_LIB_TLS_H_
#define LATCHKEY_CLIENT_LIB_TLS_H_

#include <grpcpp/security/credentials.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace latchkey::client {

// All files are PEM.
struct TlsOptions {
  // Who may have issued the server's certificate; empty: the roots of the
  // system.
  std::string ca_file;

  // What the client shows to a server that asks, and its key; both or none.
  // Behind the certificate stand those that lead to its root.
  std::string certificate_file;
  std::string key_file;
};

// Errors: INVALID_ARGUMENT, which begins with the option of the program that
// names the file, as "--tls-ca: ca.pem: ...".
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeTlsCredentials(
    const TlsOptions& options);

}  // namespace latchkey::client

#endif  // LATCHKEY_CLIENT_LIB_TLS_H_
