#include "server/access/token_keeper.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <string>

namespace latchkey {
namespace {

// SHA-256 of "old" and "new", by sha256sum.
constexpr char kOld[] =
    "cba06b5736faf67e54b07b561eae94395e774c517a7d910a54369e1263ccfbd4";
constexpr char kNew[] =
    "11507a0e2f5e69d5dfa40a62a1bd7b6ee57e6bcd85c67c9b8431b36fff21c437";

class TokenKeeperTest : public testing::Test {
 protected:
  TokenKeeperTest() {
    Write(std::string("ann ") + kOld);
    auto keeper = TokenKeeper::Open(file_);
    EXPECT_TRUE(keeper.ok()) << keeper.status();
    keeper_ = *std::move(keeper);
  }
  ~TokenKeeperTest() override { std::remove(file_.c_str()); }

  void Write(const std::string& text) { std::ofstream(file_) << text << "\n"; }

  std::string CallerOf(const std::string& authorization) {
    const Caller caller = keeper_->Find(authorization);
    return caller.principal == nullptr ? "nobody" : *caller.principal;
  }

  const std::string file_ = testing::TempDir() + "token_keeper";
  std::unique_ptr<TokenKeeper> keeper_;
};

TEST_F(TokenKeeperTest, TheSchemeIsBearer) {
  EXPECT_EQ(CallerOf("Bearer old"), "ann");
  EXPECT_EQ(CallerOf("bearer old"), "ann");
  EXPECT_EQ(CallerOf("BEARER old"), "ann");
  for (const char* wrong :
       {"", "old", "Bearer", "Bearer ", "Bearerold", "Bearer  old",
        "Bearer old ", "Bearer old,Bearer old", "Basic old", " Bearer old"}) {
    EXPECT_EQ(CallerOf(wrong), "nobody") << wrong;
  }
}

TEST_F(TokenKeeperTest, AnotherFileIsTakenAndTheCallersBeforeAreAskedAgain) {
  const Caller before = keeper_->Find("Bearer old");
  EXPECT_TRUE(keeper_->IsCurrent(before));
  Write(std::string("ann ") + kOld + "\nann " + kNew);
  ASSERT_TRUE(keeper_->Reload().ok());
  EXPECT_FALSE(keeper_->IsCurrent(before));
  EXPECT_EQ(CallerOf("Bearer old"), "ann");
  EXPECT_EQ(CallerOf("Bearer new"), "ann");
  Write(std::string("bob ") + kNew);
  ASSERT_TRUE(keeper_->Reload().ok());
  EXPECT_EQ(CallerOf("Bearer old"), "nobody");
  EXPECT_EQ(CallerOf("Bearer new"), "bob");
  // What a call that is on its way refers to.
  EXPECT_EQ(*before.principal, "ann");
}

TEST_F(TokenKeeperTest, ABadFileChangesNothing) {
  const Caller before = keeper_->Find("Bearer old");
  Write("ann nonsense");
  EXPECT_EQ(keeper_->Reload().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(keeper_->IsCurrent(before));
  EXPECT_EQ(CallerOf("Bearer old"), "ann");
}

TEST_F(TokenKeeperTest, ABadFileAtFirstOpensNothing) {
  Write("ann nonsense");
  EXPECT_EQ(TokenKeeper::Open(file_).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace latchkey
