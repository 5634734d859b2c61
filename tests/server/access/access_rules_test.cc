#include "server/access/access_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <string>

namespace latchkey {
namespace {

using namespace std::string_literals;

class AccessRulesTest : public testing::Test {
 protected:
  ~AccessRulesTest() override { std::remove(file_.c_str()); }

  absl::StatusOr<AccessRules> Read(const std::string& text) {
    std::ofstream(file_) << text;
    return AccessRules::Read(file_);
  }

  void ExpectRefused(const std::string& text, const std::string& problem) {
    const absl::Status status = Read(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_EQ(status.message(), file_ + problem) << text;
  }

  const std::string file_ = testing::TempDir() + "access_rules";
};

TEST_F(AccessRulesTest, WhatNoLineAllowsIsNotAllowed) {
  const auto rules = Read(
      "# who  where  what\n"
      "web    text:session/  read,write\n"
      "web    text:shared/   read\n"
      "batch  hex:00fF       write,scan\n"
      "all    text:          read\n"
      "ops    text:          scan,admin\n");
  ASSERT_TRUE(rules.ok()) << rules.status();
  struct Row {
    std::string principal;
    Verb verb;
    std::string key;
    bool allowed;
  };
  for (const Row& row : {
           // Inside, at the edges and outside.
           Row{"web", Verb::kRead, "session/1", true},
           Row{"web", Verb::kRead, "session/", true},
           Row{"web", Verb::kRead, "session/\xff\0"s, true},
           Row{"web", Verb::kRead, "session", false},
           Row{"web", Verb::kRead, "session0", false},
           Row{"web", Verb::kRead, "session.", false},
           Row{"web", Verb::kRead, "Session/1", false},
           Row{"web", Verb::kRead, "a/session/1", false},
           Row{"web", Verb::kRead, "", false},
           // By verb.
           Row{"web", Verb::kWrite, "session/1", true},
           Row{"web", Verb::kScan, "session/1", false},
           Row{"web", Verb::kScan, "session/", false},
           Row{"web", Verb::kRead, "shared/1", true},
           Row{"web", Verb::kWrite, "shared/1", false},
           Row{"web", Verb::kAdmin, "", false},
           Row{"batch", Verb::kRead, "\0\xff"s, false},
           Row{"batch", Verb::kWrite, "\0\xff"s, true},
           Row{"batch", Verb::kWrite, "\0\xff\0"s, true},
           Row{"batch", Verb::kWrite, "\0"s, false},
           // A range is allowed as a whole, or not at all.
           Row{"batch", Verb::kScan, "\0\xff"s, true},
           Row{"batch", Verb::kScan, "\0\xff\x01"s, true},
           Row{"batch", Verb::kScan, "\0"s, false},
           Row{"batch", Verb::kScan, "", false},
           Row{"ops", Verb::kScan, "", true},
           Row{"ops", Verb::kScan, "anything", true},
           Row{"ops", Verb::kAdmin, "", true},
           Row{"ops", Verb::kRead, "anything", false},
           Row{"all", Verb::kRead, "anything", true},
           Row{"all", Verb::kAdmin, "", false},
           // Nobody who has a line.
           Row{"we", Verb::kRead, "session/1", false},
           Row{"web2", Verb::kRead, "session/1", false},
           Row{"", Verb::kRead, "session/1", false},
           Row{"#", Verb::kRead, "session/1", false},
       }) {
    EXPECT_EQ(rules->Allows(row.principal, row.verb, row.key), row.allowed)
        << row.principal << " " << static_cast<int>(row.verb) << " "
        << testing::PrintToString(row.key);
  }
  EXPECT_TRUE(rules->AllowsSome("web", Verb::kWrite));
  EXPECT_FALSE(rules->AllowsSome("web", Verb::kScan));
  EXPECT_FALSE(rules->AllowsSome("nobody", Verb::kRead));
}

TEST_F(AccessRulesTest, ABadLineIsNamed) {
  const std::string good = "web text: read\n";
  ExpectRefused(good + "web text:\n",
                ":2: a line is a principal, a prefix and verbs");
  ExpectRefused(good + "web text:a b read\n",
                ":2: a line is a principal, a prefix and verbs");
  ExpectRefused("w\x01 text: read\n",
                ":1: a principal is up to 63 characters of visible ASCII");
  for (const char* prefix : {"session/", "*", "TEXT:a", ":", "hex"}) {
    ExpectRefused("web "s + prefix + " read\n",
                  ":1: a prefix begins with text: or hex:");
  }
  for (const char* prefix : {"hex:0", "hex:0g", "hex:0x00"}) {
    ExpectRefused("web "s + prefix + " read\n",
                  ":1: hex: is followed by two hexadecimal digits for each "
                  "byte");
  }
  EXPECT_TRUE(Read("web text:" + std::string(1024, 'k') + " read\n").ok());
  ExpectRefused("web text:" + std::string(1025, 'k') + " read\n",
                ":1: a prefix has 1024 bytes at most");
  for (const char* verbs : {"reads", "read,", ",read", "Read", "read;write"}) {
    ExpectRefused("web text: "s + verbs + "\n",
                  ":1: the verbs are read, write, scan and admin, with commas");
  }
  ExpectRefused("ops text:a admin\n",
                ":1: admin is of no key: its prefix is text:");
  std::string most;
  for (size_t i = 0; i < kRulesPerPrincipalMax; ++i) most += good;
  EXPECT_TRUE(Read(most + "other text: read\n").ok());
  ExpectRefused(most + good, ":257: a principal has 256 lines at most");
  ExpectRefused("# none\n", ": there is no rule in it");
}

}  // namespace
}  // namespace latchkey
