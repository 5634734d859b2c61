#include "server/tls/tls_keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <optional>
#include <string>

#include "tests/support/test_certificate.h"

namespace latchkey {
namespace {

using testing::HasSubstr;

class TlsKeeperTest : public testing::Test {
 protected:
  TlsKeeperTest() {
    Put(ours_);
    absl::StatusOr<std::unique_ptr<TlsKeeper>> keeper =
        TlsKeeper::Open(options_);
    EXPECT_TRUE(keeper.ok()) << keeper.status();
    keeper_ = *std::move(keeper);
  }

  ~TlsKeeperTest() override {
    std::remove(options_.certificate_file.c_str());
    std::remove(options_.key_file.c_str());
  }

  void Put(const TestCertificate& pair) {
    PutCertificate(pair);
    PutKey(pair);
  }
  void PutCertificate(const TestCertificate& pair) {
    std::ofstream(options_.certificate_file) << pair.certificate();
  }
  void PutKey(const TestCertificate& pair) {
    std::ofstream(options_.key_file) << pair.key();
  }

  void ExpectServed(const TestCertificate& pair) {
    EXPECT_EQ(keeper_->identity()->texts().certificate, pair.certificate());
    EXPECT_EQ(keeper_->identity()->texts().key, pair.key());
  }

  void ExpectNothingNew() { EXPECT_EQ(keeper_->Look(), std::nullopt); }
  void ExpectReloaded() { EXPECT_EQ(keeper_->Look(), absl::OkStatus()); }
  void ExpectFailed(const std::string& problem) {
    const std::optional<absl::Status> news = keeper_->Look();
    ASSERT_TRUE(news.has_value());
    EXPECT_EQ(news->code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(news->message()), HasSubstr(problem));
  }

  const TlsOptions options_ = {
      .certificate_file = testing::TempDir() + "tls_keeper_c.pem",
      .key_file = testing::TempDir() + "tls_keeper_k.pem"};
  const TestCertificate ours_{"ours"};
  const TestCertificate next_{"next"};
  std::unique_ptr<TlsKeeper> keeper_;
};

TEST_F(TlsKeeperTest, OpensNothingThatCannotBeUsed) {
  PutKey(next_);
  EXPECT_EQ(TlsKeeper::Open(options_).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(TlsKeeperTest, ServesTheNewPairAndSaysSoOnce) {
  ExpectNothingNew();
  const std::shared_ptr<const TlsIdentity> before = keeper_->identity();
  Put(next_);
  ExpectServed(ours_);
  ExpectReloaded();
  ExpectServed(next_);
  ExpectNothingNew();
  EXPECT_EQ(keeper_->reloads(), 1);
  EXPECT_EQ(keeper_->failures(), 0);
  // Who began with the old one still has it.
  EXPECT_EQ(before->texts().key, ours_.key());
}

TEST_F(TlsKeeperTest, KeepsTheOldPairUntilBothFilesAreNew) {
  PutCertificate(next_);
  ExpectFailed("it is not the key of the certificate");
  ExpectServed(ours_);
  // Told once.
  ExpectNothingNew();
  PutKey(next_);
  ExpectReloaded();
  ExpectServed(next_);
  EXPECT_EQ(keeper_->failures(), 1);
}

TEST_F(TlsKeeperTest, KeepsTheOldPairWhileAFileIsGone) {
  std::remove(options_.key_file.c_str());
  ExpectFailed("No such file");
  ExpectServed(ours_);
  PutKey(ours_);
  ExpectNothingNew();
  // The same error is told anew.
  std::remove(options_.key_file.c_str());
  ExpectFailed("No such file");
  EXPECT_EQ(keeper_->failures(), 2);
  EXPECT_EQ(keeper_->reloads(), 0);
}

TEST_F(TlsKeeperTest, TellsEachErrorThatIsAnother) {
  std::ofstream(options_.certificate_file) << "garbage";
  ExpectFailed("no certificate");
  std::remove(options_.certificate_file.c_str());
  ExpectFailed("No such file");
  ExpectServed(ours_);
}

}  // namespace
}  // namespace latchkey
