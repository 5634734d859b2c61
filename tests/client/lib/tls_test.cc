#include "client/lib/tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "tests/support/test_certificate.h"

namespace latchkey::client {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class TlsTest : public testing::Test {
 protected:
  // What is said of a client whose files hold these.
  absl::Status Try(const std::string& ca, const std::string& certificate,
                   const std::string& key) {
    const auto write = [&](const char* name, const std::string& text) {
      std::string path = path_ + name;
      std::ofstream(path) << text;
      return path;
    };
    const TlsOptions options = {.ca_file = write("ca", ca),
                                .certificate_file = write("cert", certificate),
                                .key_file = write("key", key)};
    const absl::Status status = MakeTlsCredentials(options).status();
    std::remove(options.ca_file.c_str());
    std::remove(options.certificate_file.c_str());
    std::remove(options.key_file.c_str());
    return status;
  }

  const std::string path_ = testing::TempDir() + "tls_test_";
  const TestCertificate ours_{"ours"};
  const TestCertificate other_{"other"};
};

TEST_F(TlsTest, TakesGoodFilesAndNone) {
  EXPECT_TRUE(MakeTlsCredentials({}).ok());
  const absl::Status status =
      Try(other_.certificate(), ours_.certificate(), ours_.key());
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(TlsTest, SaysWhichFileIsWrongAndWhy) {
  struct Row {
    absl::Status status;
    std::string begin;
    const char* problem;
  };
  const std::string good = ours_.certificate();
  for (const Row& row : {
           Row{Try("", good, ours_.key()),
               "--tls-ca: " + path_ + "ca: ", "no certificate"},
           Row{Try(ours_.key(), good, ours_.key()),
               "--tls-ca: " + path_ + "ca: ", "no certificate"},
           Row{Try(good, "garbage", ours_.key()),
               "--tls-certificate: " + path_ + "cert: ", "no certificate"},
           Row{Try(good, good, good),
               "--tls-key: " + path_ + "key: ", "no private key"},
           Row{Try(good, good, ours_.key_with_pass_phrase()),
               "--tls-key: " + path_ + "key: ", "without a pass phrase"},
           Row{Try(good, good, other_.key()), "--tls-key: " + path_ + "key: ",
               "not the key of --tls-certificate"},
           Row{MakeTlsCredentials({.ca_file = path_ + "none"}).status(),
               "--tls-ca: " + path_ + "none: ", "No such file"},
           Row{MakeTlsCredentials({.ca_file = testing::TempDir()}).status(),
               "--tls-ca: " + testing::TempDir() + ": ", "Is a directory"},
           Row{MakeTlsCredentials({.certificate_file = "c"}).status(),
               "--tls-certificate: ", "needs --tls-key"},
           Row{MakeTlsCredentials({.key_file = "k"}).status(),
               "--tls-key: ", "needs --tls-certificate"},
       }) {
    EXPECT_EQ(row.status.code(), absl::StatusCode::kInvalidArgument);
    const std::string message(row.status.message());
    EXPECT_THAT(message, StartsWith(row.begin));
    EXPECT_THAT(message, HasSubstr(row.problem));
  }
}

}  // namespace
}  // namespace latchkey::client
