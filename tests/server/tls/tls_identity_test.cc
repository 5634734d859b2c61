#include "server/tls/tls_identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "tests/support/test_certificate.h"

namespace latchkey {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const TlsOptions kOptions = {.certificate_file = "/c.pem",
                             .key_file = "/k.pem",
                             .client_ca_file = "/ca.pem"};

class TlsIdentityTest : public testing::Test {
 protected:
  TlsTexts Good() const {
    return {.certificate = ours_.certificate(),
            .key = ours_.key(),
            .client_ca = other_.certificate()};
  }

  const TestCertificate ours_{"ours"};
  const TestCertificate other_{"other"};
};

TEST_F(TlsIdentityTest, TakesWhatBelongsTogether) {
  const auto identity = TlsIdentity::Make(kOptions, Good());
  ASSERT_TRUE(identity.ok()) << identity.status();
  EXPECT_EQ((*identity)->texts(), Good());
  // The first second of 2050.
  EXPECT_EQ((*identity)->expire_time(), 2'524'608'000 * kNanosPerSecond);
  SSL_CTX* const context = (*identity)->context();
  EXPECT_EQ(SSL_CTX_get_verify_mode(context),
            SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
  EXPECT_EQ(SSL_CTX_get_min_proto_version(context), TLS1_2_VERSION);
}

TEST_F(TlsIdentityTest, AsksNoClientWhereNoAuthorityIsGiven) {
  TlsOptions options = kOptions;
  options.client_ca_file.clear();
  TlsTexts texts = Good();
  texts.client_ca.clear();
  const auto identity = TlsIdentity::Make(options, texts);
  ASSERT_TRUE(identity.ok()) << identity.status();
  EXPECT_EQ(SSL_CTX_get_verify_mode((*identity)->context()), SSL_VERIFY_NONE);
}

TEST_F(TlsIdentityTest, TakesTheWholeChainAndAllAuthorities) {
  TlsTexts texts = Good();
  texts.certificate = "a comment\n" + ours_.certificate() + "\n" +
                      other_.certificate() + other_.certificate();
  texts.client_ca = ours_.certificate() + other_.certificate();
  const auto identity = TlsIdentity::Make(kOptions, texts);
  ASSERT_TRUE(identity.ok()) << identity.status();
  SSL_CTX* const context = (*identity)->context();
  STACK_OF(X509)* chain = nullptr;
  SSL_CTX_get0_chain_certs(context, &chain);
  EXPECT_EQ(sk_X509_num(chain), 2);
  EXPECT_EQ(sk_X509_NAME_num(SSL_CTX_get_client_CA_list(context)), 2);
}

TEST_F(TlsIdentityTest, SaysWhichFileIsWrongAndWhy) {
  const std::string cut =
      ours_.certificate().substr(0, ours_.certificate().size() / 2);
  const std::string bad =
      "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
  struct Row {
    std::string TlsTexts::* text;
    std::string value;
    const char* begin;
    const char* problem;
  };
  for (const Row& row : {
           Row{&TlsTexts::certificate, "",
               "--tls-certificate: /c.pem: ", "no certificate"},
           Row{&TlsTexts::certificate, "garbage",
               "--tls-certificate: /c.pem: ", "no certificate"},
           Row{&TlsTexts::certificate, ours_.key(),
               "--tls-certificate: /c.pem: ", "no certificate"},
           Row{&TlsTexts::certificate, cut,
               "--tls-certificate: /c.pem: ", "cannot be read"},
           Row{&TlsTexts::certificate, bad,
               "--tls-certificate: /c.pem: ", "cannot be read"},
           Row{&TlsTexts::certificate, ours_.certificate() + cut,
               "--tls-certificate: /c.pem: ", "cannot be read"},
           Row{&TlsTexts::certificate, other_.certificate(),
               "--tls-key: /k.pem: ",
               "not the key of the certificate in /c.pem"},
           Row{&TlsTexts::key, "", "--tls-key: /k.pem: ", "no private key"},
           Row{&TlsTexts::key, ours_.certificate(),
               "--tls-key: /k.pem: ", "no private key"},
           Row{&TlsTexts::key, other_.key(),
               "--tls-key: /k.pem: ", "not the key"},
           Row{&TlsTexts::key, ours_.key_with_pass_phrase(),
               "--tls-key: /k.pem: ", "pass phrase"},
           Row{&TlsTexts::client_ca, "",
               "--tls-client-ca: /ca.pem: ", "no certificate"},
           Row{&TlsTexts::client_ca, bad,
               "--tls-client-ca: /ca.pem: ", "cannot be read"},
       }) {
    TlsTexts texts = Good();
    texts.*row.text = row.value;
    const auto identity = TlsIdentity::Make(kOptions, texts);
    ASSERT_EQ(identity.status().code(), absl::StatusCode::kInvalidArgument)
        << row.value;
    const std::string message(identity.status().message());
    EXPECT_THAT(message, StartsWith(row.begin));
    EXPECT_THAT(message, HasSubstr(row.problem));
  }
}

TEST_F(TlsIdentityTest, ReadsFilesAndNamesThoseItCannot) {
  const std::string folder = testing::TempDir();
  TlsOptions options = {.certificate_file = folder + "tls_identity_c.pem",
                        .key_file = folder + "tls_identity_k.pem"};
  std::ofstream(options.certificate_file) << "one";
  std::ofstream(options.key_file) << "two";
  absl::StatusOr<TlsTexts> texts = ReadTlsFiles(options);
  ASSERT_TRUE(texts.ok()) << texts.status();
  EXPECT_EQ(*texts, (TlsTexts{.certificate = "one", .key = "two"}));

  options.client_ca_file = folder + "tls_identity_none.pem";
  EXPECT_EQ(ReadTlsFiles(options).status().message(),
            "--tls-client-ca: " + options.client_ca_file +
                ": No such file or directory");
  options.client_ca_file = folder;
  EXPECT_EQ(ReadTlsFiles(options).status().message(),
            "--tls-client-ca: " + folder + ": Is a directory");
  // Which has no end.
  options.client_ca_file = "/dev/zero";
  EXPECT_EQ(ReadTlsFiles(options).status().message(),
            "--tls-client-ca: /dev/zero: it is larger than 1 MiB");
  std::remove(options.certificate_file.c_str());
  std::remove(options.key_file.c_str());
}

}  // namespace
}  // namespace latchkey
