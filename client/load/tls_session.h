// TlsSession is the client's side of TLS on one connection: bytes go in and
// out, and it knows no socket.
//
// Thread safety: an instance belongs to one thread; a context may be shared.

#ifndef LATCHKEY_CLIENT_LOAD_TLS_SESSION_H_
#define LATCHKEY_CLIENT_LOAD_TLS_SESSION_H_

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "client/lib/tls.h"

namespace latchkey::load {

// What the connections of a run share: whom they trust, and what they show.
// Without a file of roots it is those of the system as OpenSSL finds them
// (SSL_CERT_FILE).
//
// REQUIRES: MakeTlsCredentials() takes the files, too, which says better what
// is wrong with one.
//
// Errors: INVALID_ARGUMENT where OpenSSL cannot use a file.
absl::StatusOr<std::shared_ptr<SSL_CTX>> MakeTlsContext(
    const client::TlsOptions& options);

class TlsSession {
 public:
  // The server's certificate must be for `server_name`, a host's name or its
  // address.
  TlsSession(SSL_CTX* context, const std::string& server_name);

  // Takes what the socket gave, and appends to `plain` what it means and to
  // `sealed` what TLS itself has to say; the first call, with nothing, begins.
  // Returns false where nothing more can come; error() then says why.
  [[nodiscard]] bool Open(std::string_view input, std::string* plain,
                          std::string* sealed);

  // Whether the handshake is over, so that Seal() may be called.
  bool is_established() const { return is_established_; }

  // Appends to `sealed` what is to be sent for `plain`.  Returns false where
  // the connection has failed.
  [[nodiscard]] bool Seal(std::string_view plain, std::string* sealed);

  const std::string& error() const { return error_; }

 private:
  struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  void TakeSealed(std::string* sealed);
  bool Fail(const std::string& error);

  std::unique_ptr<SSL, FreeSsl> ssl_;
  // Owned by `ssl_`.
  BIO* in_ = nullptr;
  BIO* out_ = nullptr;
  bool is_established_ = false;
  std::string error_;
};

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_TLS_SESSION_H_
