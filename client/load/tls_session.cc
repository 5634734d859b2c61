#include "client/load/tls_session.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <array>
#include <climits>
#include <string_view>

#include "absl/status/status.h"

namespace latchkey::load {
namespace {

constexpr unsigned char kAlpn[] = {2, 'h', '2'};

// A record has at most 16 KiB.
constexpr size_t kPieceBytes = 16 * 1024;

std::string LastError() {
  std::array<char, 256> text = {};
  const unsigned long error = ERR_peek_last_error();
  if (error != 0) ERR_error_string_n(error, text.data(), text.size());
  ERR_clear_error();
  return text.data();
}

}  // namespace

absl::StatusOr<std::shared_ptr<SSL_CTX>> MakeTlsContext(
    const client::TlsOptions& options) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_client_method()),
                                   SSL_CTX_free);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_alpn_protos(context.get(), kAlpn, sizeof(kAlpn));
  // So that Seal() takes bytes from wherever they are now.
  SSL_CTX_set_mode(context.get(), SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  bool done = options.ca_file.empty()
                  ? SSL_CTX_set_default_verify_paths(context.get()) == 1
                  : SSL_CTX_load_verify_locations(
                        context.get(), options.ca_file.c_str(), nullptr) == 1;
  if (!options.certificate_file.empty()) {
    done = done &&
           SSL_CTX_use_certificate_chain_file(
               context.get(), options.certificate_file.c_str()) == 1 &&
           SSL_CTX_use_PrivateKey_file(context.get(), options.key_file.c_str(),
                                       SSL_FILETYPE_PEM) == 1;
  }
  if (!done) return absl::InvalidArgumentError("--tls-...: " + LastError());
  return context;
}

TlsSession::TlsSession(SSL_CTX* context, const std::string& server_name)
    : ssl_(SSL_new(context)),
      in_(BIO_new(BIO_s_mem())),
      out_(BIO_new(BIO_s_mem())) {
  SSL_set_bio(ssl_.get(), in_, out_);
  SSL_set_connect_state(ssl_.get());
  X509_VERIFY_PARAM* const verify = SSL_get0_param(ssl_.get());
  if (X509_VERIFY_PARAM_set1_ip_asc(verify, server_name.c_str()) != 1) {
    SSL_set1_host(ssl_.get(), server_name.c_str());
    SSL_set_tlsext_host_name(ssl_.get(), server_name.c_str());
  }
  ERR_clear_error();
}

bool TlsSession::Open(std::string_view input, std::string* plain,
                      std::string* sealed) {
  if (!input.empty()) {
    BIO_write(in_, input.data(), static_cast<int>(input.size()));
  }
  bool goes_on = true;
  while (true) {
    const size_t before = plain->size();
    plain->resize(before + kPieceBytes);
    size_t size = 0;
    // Shakes hands, too, where that is not over.
    const int result =
        SSL_read_ex(ssl_.get(), plain->data() + before, kPieceBytes, &size);
    plain->resize(before + size);
    if (result == 1) continue;
    const int error = SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_WANT_READ) break;
    const long verified = SSL_get_verify_result(ssl_.get());
    goes_on = Fail(error == SSL_ERROR_ZERO_RETURN ? "the server has ended TLS"
                   : verified != X509_V_OK
                       ? std::string("certificate verify failed: ") +
                             X509_verify_cert_error_string(verified)
                       : "TLS failed: " + LastError());
    break;
  }
  TakeSealed(sealed);
  if (goes_on && !is_established_ && SSL_is_init_finished(ssl_.get()) == 1) {
    is_established_ = true;
    const unsigned char* protocol = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &protocol, &size);
    if (!std::equal(protocol, protocol + size, kAlpn + 1,
                    kAlpn + sizeof(kAlpn))) {
      return Fail("the server does not agree on HTTP/2 by ALPN");
    }
  }
  return goes_on;
}

bool TlsSession::Seal(std::string_view plain, std::string* sealed) {
  while (!plain.empty()) {
    size_t size = 0;
    if (SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &size) != 1) {
      return Fail("TLS failed: " + LastError());
    }
    plain.remove_prefix(size);
  }
  TakeSealed(sealed);
  return true;
}

void TlsSession::TakeSealed(std::string* sealed) {
  const size_t before = sealed->size();
  const size_t size = BIO_ctrl_pending(out_);
  if (size == 0) return;
  sealed->resize(before + size);
  BIO_read(out_, sealed->data() + before,
           static_cast<int>(std::min<size_t>(size, INT_MAX)));
}

bool TlsSession::Fail(const std::string& error) {
  error_ = error;
  ERR_clear_error();
  return false;
}

}  // namespace latchkey::load
