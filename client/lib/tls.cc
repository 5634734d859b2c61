#include "client/lib/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace latchkey::client {
namespace {

constexpr char kCaOption[] = "--tls-ca";
constexpr char kCertificateOption[] = "--tls-certificate";
constexpr char kKeyOption[] = "--tls-key";

constexpr size_t kFileBytesMax = 1024 * 1024;

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
                 const char* problem) {
  return absl::InvalidArgumentError(
      absl::StrCat(option, ": ", file, ": ", problem));
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

BioPointer Reader(const std::string& text) {
  return BioPointer(
      BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// OpenSSL would ask for it on the terminal.
int NoPassPhrase(char*, int, int, void*) { return 0; }

// Fills `text` from `file`, and returns its first certificate.  The gRPC
// library would say of a file with none, at the first call, that it cannot
// connect.
absl::StatusOr<X509Pointer> ReadCertificates(const char* option,
                                             const std::string& file,
                                             std::string* text) {
  absl::StatusOr<std::string> read = ReadFile(option, file);
  if (!read.ok()) return read.status();
  *text = *std::move(read);
  X509Pointer first(
      PEM_read_bio_X509(Reader(*text).get(), nullptr, NoPassPhrase, nullptr));
  ERR_clear_error();
  if (first == nullptr) {
    return Bad(option, file, "there is no certificate in PEM in it");
  }
  return first;
}

// Fills in what the client shows.
absl::Status ReadPair(const TlsOptions& options,
                      grpc::SslCredentialsOptions* pem) {
  const absl::StatusOr<X509Pointer> certificate = ReadCertificates(
      kCertificateOption, options.certificate_file, &pem->pem_cert_chain);
  if (!certificate.ok()) return certificate.status();
  absl::StatusOr<std::string> text = ReadFile(kKeyOption, options.key_file);
  if (!text.ok()) return text.status();
  const KeyPointer key(PEM_read_bio_PrivateKey(Reader(*text).get(), nullptr,
                                               NoPassPhrase, nullptr));
  const bool matches =
      key != nullptr && X509_check_private_key(certificate->get(), key.get());
  ERR_clear_error();
  if (key == nullptr) {
    return Bad(kKeyOption, options.key_file,
               "there is no private key in PEM, without a pass phrase, in it");
  }
  if (!matches) {
    return Bad(kKeyOption, options.key_file,
               "it is not the key of --tls-certificate");
  }
  pem->pem_private_key = *std::move(text);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeTlsCredentials(
    const TlsOptions& options) {
  if (options.certificate_file.empty() != options.key_file.empty()) {
    return absl::InvalidArgumentError(
        options.key_file.empty()
            ? "--tls-certificate: needs --tls-key, which proves that it is "
              "yours"
            : "--tls-key: needs --tls-certificate, whose key it is");
  }
  grpc::SslCredentialsOptions pem;
  if (!options.ca_file.empty()) {
    const absl::StatusOr<X509Pointer> root =
        ReadCertificates(kCaOption, options.ca_file, &pem.pem_root_certs);
    if (!root.ok()) return root.status();
  }
  if (!options.certificate_file.empty()) {
    absl::Status status = ReadPair(options, &pem);
    if (!status.ok()) return status;
  }
  return grpc::SslCredentials(pem);
}

}  // namespace latchkey::client
