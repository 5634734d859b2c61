#include "client/lib/token.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <string>

namespace latchkey::client {
namespace {

class TokenTest : public testing::Test {
 protected:
  ~TokenTest() override { std::remove(file_.c_str()); }

  absl::StatusOr<std::string> Read(const std::string& text) {
    std::ofstream(file_) << text;
    return ReadTokenFile(file_);
  }

  void ExpectRefused(const std::string& text, const std::string& problem) {
    const absl::Status status = Read(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_EQ(status.message(), "--token-file: " + file_ + ": " + problem);
  }

  const std::string file_ = testing::TempDir() + "token_test";
};

TEST_F(TokenTest, TakesWhatTheFileHolds) {
  const std::string longest(kTokenBytesMax, 't');
  EXPECT_EQ(*Read("s3cret"), "s3cret");
  EXPECT_EQ(*Read(" s3cret\r\n"), "s3cret");
  EXPECT_EQ(*Read(longest + "\r\n"), longest);
}

TEST_F(TokenTest, RefusesWhatIsNoToken) {
  ExpectRefused("", "there is no token in it");
  ExpectRefused(" \n", "there is no token in it");
  for (const char* text : {"two words", "two\nlines", "b\xc3\xb6"}) {
    ExpectRefused(text, "a token has characters of visible ASCII only");
  }
  ExpectRefused(std::string(kTokenBytesMax + 1, 't'),
                "a token has 4096 characters at most");
  ExpectRefused("t" + std::string(kTokenBytesMax + 2, '\n') + "t",
                "a token has 4096 characters at most");
  EXPECT_EQ(ReadTokenFile("/no/such").status().message(),
            "--token-file: /no/such: No such file or directory");
}

}  // namespace
}  // namespace latchkey::client
