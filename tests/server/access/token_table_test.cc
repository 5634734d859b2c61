#include "server/access/token_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "server/access/lines.h"

namespace latchkey {
namespace {

using testing::HasSubstr;

// SHA-256 of "ann-1", "ann-2" and "bob", by sha256sum.
constexpr char kAnn1[] =
    "7eb855f4471da4da57ca474b991e311047cdc9a91fe7f866a0934348ca154e48";
constexpr char kAnn2[] =
    "90498605bb179cd22ca8869dde71198d0258b4b34aa6865ab8dbfd6d0b261b83";
constexpr char kBob[] =
    "81b637d8fcd2c6da6359e6963113a1170de795e4b725b84d1e0b4cfd9ec58ce9";

class TokenTableTest : public testing::Test {
 protected:
  ~TokenTableTest() override { std::remove(file_.c_str()); }

  absl::StatusOr<TokenTable> Read(const std::string& text) {
    std::ofstream(file_) << text;
    return TokenTable::Read(file_, principals_);
  }

  // Expects `text` to be refused: for `problem`, in line `line`.
  void ExpectRefused(const std::string& text, int line,
                     const std::string& problem) {
    const absl::Status status = Read(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(status.message()),
                testing::StartsWith(file_ + ":" + std::to_string(line) + ": "));
    EXPECT_THAT(std::string(status.message()), HasSubstr(problem));
  }

  // Who holds `token`; "nobody" for a wrong one.
  static std::string HolderOf(const TokenTable& table,
                              const std::string& token) {
    const Principal* const principal = table.Find(token);
    return principal == nullptr ? "nobody" : *principal;
  }

  const std::string file_ = testing::TempDir() + "token_table";
  PrincipalNames principals_;
};

std::string Line(const std::string& principal, const std::string& digest) {
  return principal + " " + digest + "\n";
}

TEST_F(TokenTableTest, ATokenNamesItsPrincipal) {
  const auto table =
      Read(Line("ann", kAnn1) + Line("ann", kAnn2) + Line("bob", kBob));
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->size(), 3u);
  EXPECT_EQ(HolderOf(*table, "ann-1"), "ann");
  EXPECT_EQ(HolderOf(*table, "ann-2"), "ann");
  EXPECT_EQ(HolderOf(*table, "bob"), "bob");
  for (const char* wrong : {"", "ann", "ann-", "ann-11", "Ann-1", "ann-1 "}) {
    EXPECT_EQ(HolderOf(*table, wrong), "nobody") << wrong;
  }
  // Who has read the file has no token by it.
  EXPECT_EQ(HolderOf(*table, kBob), "nobody");
}

TEST_F(TokenTableTest, TheWholeDigestCounts) {
  // One digit is wrong, at either end.
  for (const size_t place : {0, 63}) {
    std::string digest = kBob;
    digest[place] = digest[place] == '0' ? '1' : '0';
    const auto table = Read(Line("bob", digest));
    ASSERT_TRUE(table.ok()) << table.status();
    EXPECT_EQ(HolderOf(*table, "bob"), "nobody") << place;
  }
}

TEST_F(TokenTableTest, CommentsAndBlanksSayNothing) {
  std::string capitals = kBob;
  for (char& c : capitals) c = static_cast<char>(std::toupper(c));
  const auto table = Read("# who may call\r\n\n \t\n  #" + Line("ann", kAnn1) +
                          "\tbob\t " + capitals + " \r\n");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->size(), 1u);
  EXPECT_EQ(HolderOf(*table, "bob"), "bob");
}

TEST_F(TokenTableTest, ABadLineIsNamed) {
  const std::string good = Line("ann", kAnn1);
  const std::string longest(kPrincipalBytesMax, 'p');
  EXPECT_TRUE(Read(good + Line(longest, kBob)).ok());
  ExpectRefused(good + Line(longest + "p", kBob), 2, "63 characters");
  ExpectRefused("\n\n" + Line("b\x7f", kBob), 3, "visible ASCII");
  ExpectRefused(Line("b\xc3\xb6", kBob), 1, "visible ASCII");
  ExpectRefused("ann\n", 1, "a principal and the SHA-256");
  ExpectRefused("ann of " + Line("us", kBob), 1, "a principal and the SHA-256");
  ExpectRefused(Line("ann", std::string(kBob).substr(1)), 1, "64 hexadecimal");
  ExpectRefused(Line("ann", std::string(kBob) + "0"), 1, "64 hexadecimal");
  ExpectRefused(Line("ann", "g" + std::string(kBob).substr(1)), 1,
                "64 hexadecimal");
  // One token of two principals, or twice of one.
  ExpectRefused(good + Line("bob", kAnn1), 2, "in a line above");
  ExpectRefused(good + good, 2, "in a line above");
}

TEST_F(TokenTableTest, AnErrorShowsNoToken) {
  // Somebody wrote the token where its hash should be.
  const absl::Status status = Read("ann s3cret-token\n").status();
  EXPECT_THAT(std::string(status.message()),
              testing::Not(HasSubstr("s3cret-token")));
}

TEST_F(TokenTableTest, AFileWithoutATokenIsRefused) {
  for (const char* text : {"", "# nobody yet\n"}) {
    const absl::Status status = Read(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(status.message(), file_ + ": there is no token in it");
  }
}

TEST_F(TokenTableTest, AFileThatCannotBeReadIsRefused) {
  const auto none = TokenTable::Read("/no/such", principals_).status();
  EXPECT_EQ(none.message(), "/no/such: No such file or directory");
  const auto folder = TokenTable::Read("/tmp", principals_).status();
  EXPECT_EQ(folder.message(), "/tmp: Is a directory");
  const std::string line = Line("ann", kAnn1);
  const std::string comment(kLinesFileBytesMax - line.size(), '#');
  EXPECT_TRUE(Read(line + comment).ok());
  EXPECT_EQ(Read(line + comment + "#").status().message(),
            file_ + ": is larger than 1 MiB");
}

}  // namespace
}  // namespace latchkey
