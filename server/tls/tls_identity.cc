#include "server/tls/tls_identity.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "server/base/check.h"

namespace latchkey {
namespace {

constexpr char kCertificateOption[] = "--tls-certificate";
constexpr char kKeyOption[] = "--tls-key";
constexpr char kClientCaOption[] = "--tls-client-ca";

// All roots that a system has are a quarter of it.
constexpr size_t kFileBytesMax = 1024 * 1024;

// What HTTP/2 does not forbid, of TLS 1.2: keys that are not kept, and ciphers
// that authenticate.
constexpr char kCiphersOfTls12[] = "ECDHE+AESGCM:ECDHE+CHACHA20";

// As ALPN has it: each name with its length before it, the preferred one first.
constexpr std::string_view kProtocols =
    "\x02h2"
    "\x08http/1.1";

template <auto kFree>
struct Freer {
  template <typename Object>
  void operator()(Object* object) const {
    kFree(object);
  }
};
using BioPointer = std::unique_ptr<BIO, Freer<BIO_free_all>>;
using X509Pointer = std::unique_ptr<X509, Freer<X509_free>>;
using KeyPointer = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;

absl::Status Bad(const char* option, const std::string& file,
                 std::string_view problem) {
  return absl::InvalidArgumentError(
      absl::StrCat(option, ": ", file, ": ", std::string(problem)));
}

// What OpenSSL complained about last; forgets all complaints.
std::string Complaint() {
  const unsigned long code = ERR_peek_last_error();
  const char* const reason = ERR_reason_error_string(code);
  std::string text = reason != nullptr ? reason : "it cannot be used";
  ERR_clear_error();
  return text;
}

absl::StatusOr<std::string> ReadFile(const char* option,
                                     const std::string& file) {
  const std::unique_ptr<FILE, Freer<fclose>> in(fopen(file.c_str(), "rbe"));
  if (in == nullptr) return Bad(option, file, std::strerror(errno));
  std::string text(kFileBytesMax + 1, '\0');
  text.resize(fread(text.data(), 1, text.size(), in.get()));
  if (ferror(in.get()) != 0) return Bad(option, file, std::strerror(errno));
  if (text.size() > kFileBytesMax) {
    return Bad(option, file, "it is larger than 1 MiB");
  }
  return text;
}

// Refuses to ask for a pass phrase, as OpenSSL else does on the terminal.
int NoPassPhrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return 0;
}

// All certificates of `text`, at least one.
absl::StatusOr<std::vector<X509Pointer>> ParseCertificates(
    const char* option, const std::string& file, const std::string& text) {
  const BioPointer in(
      BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  std::vector<X509Pointer> certificates;
  bool asked = false;
  while (X509* const certificate =
             PEM_read_bio_X509(in.get(), nullptr, NoPassPhrase, &asked)) {
    certificates.emplace_back(certificate);
  }
  const bool at_end =
      ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string complaint = Complaint();
  if (!at_end) {
    return Bad(option, file, "a certificate cannot be read: " + complaint);
  }
  if (certificates.empty()) {
    return Bad(option, file, "there is no certificate in PEM in it");
  }
  return certificates;
}

UnixNanos ExpireTime(const X509* certificate) {
  tm parts = {};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) != 1) return 0;
  // Its year may be 9999, which nanoseconds do not reach.
  const int64_t seconds = timegm(&parts);
  return seconds > kNever / kNanosPerSecond ? kNever
                                            : seconds * kNanosPerSecond;
}

// Chooses what to speak of what a client offers.
int ChooseProtocol(SSL*, const unsigned char** chosen,
                   unsigned char* chosen_size, const unsigned char* offered,
                   unsigned int offered_size, void*) {
  unsigned char* found = nullptr;
  const int how = SSL_select_next_proto(
      &found, chosen_size,
      reinterpret_cast<const unsigned char*>(kProtocols.data()),
      static_cast<unsigned int>(kProtocols.size()), offered, offered_size);
  if (how != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

// Refuses a client that offers nothing, for which OpenSSL would not choose.
int WantProtocols(SSL* ssl, int* alert, void*) {
  const unsigned char* offered = nullptr;
  size_t size = 0;
  if (SSL_client_hello_get0_ext(
          ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &offered,
          &size) == 1) {
    return SSL_CLIENT_HELLO_SUCCESS;
  }
  *alert = SSL_AD_NO_APPLICATION_PROTOCOL;
  return SSL_CLIENT_HELLO_ERROR;
}

SSL_CTX* NewContext() {
  SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
  LATCHKEY_CHECK(
      context != nullptr &&
          SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
          SSL_CTX_set_cipher_list(context, kCiphersOfTls12) == 1,
      "OpenSSL has TLS 1.2 and what HTTP/2 needs of it");
  // Of what is left the client chooses, who knows its processor.
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                                   SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  // An idle connection keeps no buffer.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(context, ChooseProtocol, nullptr);
  SSL_CTX_set_client_hello_cb(context, WantProtocols, nullptr);
  return context;
}

}  // namespace

absl::StatusOr<TlsTexts> ReadTlsFiles(const TlsOptions& options) {
  TlsTexts texts;
  for (const auto& [option, file, text] :
       {std::tuple(kCertificateOption, &options.certificate_file,
                   &texts.certificate),
        std::tuple(kKeyOption, &options.key_file, &texts.key),
        std::tuple(kClientCaOption, &options.client_ca_file,
                   &texts.client_ca)}) {
    if (option == kClientCaOption && file->empty()) continue;
    absl::StatusOr<std::string> read = ReadFile(option, *file);
    if (!read.ok()) return read.status();
    *text = *std::move(read);
  }
  return texts;
}

TlsIdentity::TlsIdentity(TlsTexts texts)
    : texts_(std::move(texts)), context_(NewContext()) {}

absl::StatusOr<std::shared_ptr<const TlsIdentity>> TlsIdentity::Make(
    const TlsOptions& options, TlsTexts texts) {
  ERR_clear_error();
  const std::shared_ptr<TlsIdentity> identity(
      new TlsIdentity(std::move(texts)));
  if (absl::Status status = identity->UseCertificate(options.certificate_file);
      !status.ok()) {
    return status;
  }
  if (absl::Status status = identity->UseKey(options); !status.ok()) {
    return status;
  }
  if (!options.client_ca_file.empty()) {
    absl::Status status = identity->UseClientCa(options.client_ca_file);
    if (!status.ok()) return status;
  }
  return identity;
}

absl::Status TlsIdentity::UseCertificate(const std::string& file) {
  absl::StatusOr<std::vector<X509Pointer>> chain =
      ParseCertificates(kCertificateOption, file, texts_.certificate);
  if (!chain.ok()) return chain.status();
  for (const X509Pointer& certificate : *chain) {
    const bool first = certificate == chain->front();
    if ((first ? SSL_CTX_use_certificate(context(), certificate.get())
               : SSL_CTX_add1_chain_cert(context(), certificate.get())) != 1) {
      return Bad(kCertificateOption, file, Complaint());
    }
  }
  expire_time_ = ExpireTime(chain->front().get());
  return absl::OkStatus();
}

absl::Status TlsIdentity::UseKey(const TlsOptions& options) {
  const BioPointer in(
      BIO_new_mem_buf(texts_.key.data(), static_cast<int>(texts_.key.size())));
  bool asked = false;
  const KeyPointer key(
      PEM_read_bio_PrivateKey(in.get(), nullptr, NoPassPhrase, &asked));
  if (key == nullptr) {
    ERR_clear_error();
    return Bad(kKeyOption, options.key_file,
               asked ? "it has a pass phrase; want a key without one"
                     : "there is no private key in PEM in it");
  }
  if (X509_check_private_key(SSL_CTX_get0_certificate(context()), key.get()) !=
      1) {
    ERR_clear_error();
    return Bad(
        kKeyOption, options.key_file,
        "it is not the key of the certificate in " + options.certificate_file);
  }
  if (SSL_CTX_use_PrivateKey(context(), key.get()) != 1) {
    return Bad(kKeyOption, options.key_file, Complaint());
  }
  return absl::OkStatus();
}

absl::Status TlsIdentity::UseClientCa(const std::string& file) {
  const absl::StatusOr<std::vector<X509Pointer>> certificates =
      ParseCertificates(kClientCaOption, file, texts_.client_ca);
  if (!certificates.ok()) return certificates.status();
  for (const X509Pointer& certificate : *certificates) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context()),
                            certificate.get()) != 1 ||
        SSL_CTX_add_client_CA(context(), certificate.get()) != 1) {
      return Bad(kClientCaOption, file, Complaint());
    }
  }
  SSL_CTX_set_verify(
      context(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return absl::OkStatus();
}

}  // namespace latchkey
