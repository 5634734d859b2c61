// TlsIdentity is what a server proves itself by, and whom it believes: its
// certificate, its key and perhaps the certificates that clients must come
// from, read and found to belong together.
//
// Its context says, for every handshake: TLS 1.2 or 1.3, of 1.2 only what
// HTTP/2 allows (RFC 9113, 9.2.2); HTTP/2, or else HTTP/1.1, by ALPN, or no
// connection; nothing is negotiated twice; no session is resumed, since
// connections are few and last, and a client certificate is then looked at each
// time.
//
// Thread safety: constant; a context may be used by several threads.
//
// Example:
//   absl::StatusOr<TlsTexts> texts = ReadTlsFiles(options);
//   if (!texts.ok()) return texts.status();
//   auto identity = TlsIdentity::Make(options, *std::move(texts));
//   if (!identity.ok()) return identity.status();
//   SSL* ssl = SSL_new((*identity)->context());

#ifndef LATCHKEY_SERVER_TLS_TLS_IDENTITY_H_
#define LATCHKEY_SERVER_TLS_TLS_IDENTITY_H_

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/tls/options.h"

namespace latchkey {

// What the files of TlsOptions hold.
struct TlsTexts {
  std::string certificate;
  std::string key;
  std::string client_ca;

  bool operator==(const TlsTexts&) const = default;
};

// Errors: INVALID_ARGUMENT, as "--tls-key: /etc/key.pem: No such file ...".
absl::StatusOr<TlsTexts> ReadTlsFiles(const TlsOptions& options);

class TlsIdentity {
 public:
  // `options` are for the names of the files in errors.  A certificate that has
  // expired is accepted: that depends on the time, and clients refuse it.
  //
  // Errors: INVALID_ARGUMENT, which begins with the option and the file.
  static absl::StatusOr<std::shared_ptr<const TlsIdentity>> Make(
      const TlsOptions& options, TlsTexts texts);

  // Belongs to the identity; what is made of it keeps it alive by itself.
  SSL_CTX* context() const { return context_.get(); }

  const TlsTexts& texts() const { return texts_; }

  // When the server's certificate expires.
  UnixNanos expire_time() const { return expire_time_; }

 private:
  struct FreeContext {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };

  explicit TlsIdentity(TlsTexts texts);

  // The steps of Make().
  absl::Status UseCertificate(const std::string& file);
  absl::Status UseKey(const TlsOptions& options);
  absl::Status UseClientCa(const std::string& file);

  const TlsTexts texts_;
  const std::unique_ptr<SSL_CTX, FreeContext> context_;
  UnixNanos expire_time_ = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_TLS_TLS_IDENTITY_H_
