#include "server/transport/grpc/tls_credentials.h"

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>

#include <string>
#include <utility>

#include "server/base/mutex.h"

namespace latchkey {
namespace {

// The C++ library's own credentials read their files once, or read them in a
// thread of their own and take what does not match.  So these are made of the C
// library's, which ask at each handshake.
class TlsCredentials final : public grpc::ServerCredentials {
 public:
  explicit TlsCredentials(const TlsKeeper& keeper) : keeper_(keeper) {}

  void SetAuthMetadataProcessor(
      const std::shared_ptr<grpc::AuthMetadataProcessor>&) override {
    // There is none.
  }

 private:
  int AddPortToServer(const std::string& address,
                      grpc_server* server) override {
    grpc_server_credentials* const credentials =
        grpc_ssl_server_credentials_create_with_options(
            grpc_ssl_server_credentials_create_options_using_config_fetcher(
                keeper_.options().client_ca_file.empty()
                    ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                    : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY,
                Fetch, this));
    const int port =
        grpc_server_add_http2_port(server, address.c_str(), credentials);
    grpc_server_credentials_release(credentials);
    return port;
  }

  static grpc_ssl_certificate_config_reload_status Fetch(
      void* self, grpc_ssl_server_certificate_config** config) {
    return static_cast<TlsCredentials*>(self)->FetchIfNew(config);
  }

  grpc_ssl_certificate_config_reload_status FetchIfNew(
      grpc_ssl_server_certificate_config** config) {
    std::shared_ptr<const TlsIdentity> identity = keeper_.identity();
    const TlsTexts& texts = identity->texts();
    MutexLock lock(mutex_);
    if (identity == fetched_) {
      return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    }
    const grpc_ssl_pem_key_cert_pair pair = {texts.key.c_str(),
                                             texts.certificate.c_str()};
    // It must be given roots; without a client's certificate to be looked at
    // they mean nothing.
    const std::string& roots =
        texts.client_ca.empty() ? texts.certificate : texts.client_ca;
    *config =
        grpc_ssl_server_certificate_config_create(roots.c_str(), &pair, 1);
    fetched_ = std::move(identity);
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
  }

  const TlsKeeper& keeper_;

  // Guarded by mutex_.
  Mutex mutex_;
  // What the library has.
  std::shared_ptr<const TlsIdentity> fetched_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::shared_ptr<grpc::ServerCredentials> MakeTlsCredentials(
    const TlsKeeper& keeper) {
  return std::make_shared<TlsCredentials>(keeper);
}

}  // namespace latchkey
