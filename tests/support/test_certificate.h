// TestCertificate makes certificates and keys for tests, in PEM.
//
// Thread safety: values.
//
// Example:
//   const TestCertificate ours("ours");
//   WriteFile("server.pem", ours.certificate());

#ifndef LATCHKEY_TESTS_SUPPORT_TEST_CERTIFICATE_H_
#define LATCHKEY_TESTS_SUPPORT_TEST_CERTIFICATE_H_

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <string>

namespace latchkey {

class TestCertificate {
 public:
  // Signs itself, and is valid until the year 2050.
  explicit TestCertificate(const std::string& name) {
    EVP_PKEY* const key = EVP_EC_gen("P-256");
    X509* const certificate = X509_new();
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate),
                              "20200101000000Z");
    ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate),
                              "20500101000000Z");
    X509_set_pubkey(certificate, key);
    X509_NAME* const subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(
        subject, "CN", MBSTRING_ASC,
        reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(certificate, subject);
    EXPECT_GT(X509_sign(certificate, key, EVP_sha256()), 0);
    certificate_ =
        Text([&](BIO* out) { return PEM_write_bio_X509(out, certificate); });
    key_ = Text([&](BIO* out) {
      return PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr,
                                      nullptr);
    });
    key_with_pass_phrase_ = Text([&](BIO* out) {
      const unsigned char phrase[] = "phrase";
      return PEM_write_bio_PrivateKey(out, key, EVP_aes_128_cbc(), phrase, 6,
                                      nullptr, nullptr);
    });
    X509_free(certificate);
    EVP_PKEY_free(key);
  }

  const std::string& certificate() const { return certificate_; }
  const std::string& key() const { return key_; }
  const std::string& key_with_pass_phrase() const {
    return key_with_pass_phrase_;
  }

 private:
  template <typename Write>
  static std::string Text(Write write) {
    BIO* const out = BIO_new(BIO_s_mem());
    EXPECT_EQ(write(out), 1);
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(out, &bytes);
    const std::string text(bytes, static_cast<size_t>(size));
    BIO_free(out);
    return text;
  }

  std::string certificate_;
  std::string key_;
  std::string key_with_pass_phrase_;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SUPPORT_TEST_CERTIFICATE_H_
