#include "server/service/access_check.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "server/base/error.h"
#include "tests/support/fake_call.h"
#include "tests/support/fake_clock.h"

namespace latchkey {
namespace {

// Keys of a principal that reads "r...", writes "w..." and does both with
// "b...".
constexpr char kRead[] = "r1";
constexpr char kWrite[] = "w1";
constexpr char kBoth[] = "b1";
constexpr char kOther[] = "x1";

class AccessCheckTest : public testing::Test {
 protected:
  AccessCheckTest() {
    const std::string file = testing::TempDir() + "access_check";
    std::ofstream(file) << "ann text:r read\n"
                           "ann text:w write\n"
                           "ann text:b read,write\n"
                           "eve text:r scan\n";
    auto rules = RulesKeeper::Open(file);
    EXPECT_TRUE(rules.ok()) << rules.status();
    rules_ = *std::move(rules);
    std::remove(file.c_str());
    call_.set_principal("ann");
  }

  bool Allows(const std::vector<Compare>& compares,
              const std::vector<Operation>& on_success,
              const std::vector<Operation>& on_failure) {
    const AccessCheck check(rules_.get());
    return IsOk(check.Check(call_, {.compares = compares,
                                    .on_success = on_success,
                                    .on_failure = on_failure}));
  }
  bool Allows(const Operation& operation) {
    return Allows({}, {operation}, {});
  }

  // Whether it is OK; else it must be the error, which is always the same.
  bool IsOk(const absl::Status& status) {
    if (status.ok()) return true;
    EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
    EXPECT_EQ(status.message(), "the access rules do not allow it");
    EXPECT_TRUE(GetErrorDetails(status).has_value());
    return false;
  }

  const FakeClock clock_{0};
  FakeCall call_{clock_};
  std::unique_ptr<RulesKeeper> rules_;
};

TEST_F(AccessCheckTest, WhatAnOperationNeeds) {
  struct Row {
    const char* name;
    Operation operation;
    bool allowed;
  };
  const Expiration keep = {.kind = Expiration::Kind::kKeep};
  const auto move = [](const char* from, const char* to) {
    return MoveOperation{.source_key = from, .destination_key = to};
  };
  const auto transfer = [](const char* from, const char* to) {
    return TransferOperation{
        .source_key = from, .destination_key = to, .amount = 1};
  };
  for (const Row& row : {
           Row{"get r", GetOperation{.key = kRead}, true},
           Row{"get w", GetOperation{.key = kWrite}, false},
           Row{"get x", GetOperation{.key = kOther}, false},
           Row{"get b", GetOperation{.key = kBoth}, true},
           Row{"touch by get r", GetOperation{.key = kRead, .touch = keep},
               false},
           Row{"touch by get w", GetOperation{.key = kWrite, .touch = keep},
               false},
           Row{"touch by get b", GetOperation{.key = kBoth, .touch = keep},
               true},
           Row{"put r", PutOperation{.key = kRead}, false},
           Row{"put w", PutOperation{.key = kWrite}, true},
           Row{"put x", PutOperation{.key = kOther}, false},
           Row{"put w, previous",
               PutOperation{.key = kWrite, .return_previous = true}, false},
           Row{"put b, previous",
               PutOperation{.key = kBoth, .return_previous = true}, true},
           Row{"delete r", DeleteOperation{.key = kRead}, false},
           Row{"delete w", DeleteOperation{.key = kWrite}, true},
           Row{"delete w, previous",
               DeleteOperation{.key = kWrite, .return_previous = true}, false},
           Row{"increment r", IncrementOperation{.key = kRead}, false},
           Row{"increment w", IncrementOperation{.key = kWrite}, true},
           Row{"touch r", TouchOperation{.key = kRead}, false},
           Row{"touch w", TouchOperation{.key = kWrite}, true},
           Row{"move w to w", move(kWrite, "w2"), false},
           Row{"move r to w", move(kRead, kWrite), false},
           Row{"move b to w", move(kBoth, kWrite), true},
           Row{"move b to r", move(kBoth, kRead), false},
           Row{"move b to x", move(kBoth, kOther), false},
           Row{"move x to w", move(kOther, kWrite), false},
           Row{"transfer w to w", transfer(kWrite, "w2"), true},
           Row{"transfer r to w", transfer(kRead, kWrite), false},
           Row{"transfer w to r", transfer(kWrite, kRead), false},
       }) {
    EXPECT_EQ(Allows(row.operation), row.allowed) << row.name;
  }
}

TEST_F(AccessCheckTest, EachPartOfATransactionCounts) {
  const Operation good = PutOperation{.key = kWrite};
  const Operation bad = PutOperation{.key = kOther};
  EXPECT_TRUE(Allows({{.key = kRead}}, {good, good}, {good}));
  EXPECT_FALSE(Allows({{.key = kWrite}}, {good}, {good}));
  EXPECT_FALSE(Allows({{.key = kRead}, {.key = kOther}}, {good}, {good}));
  EXPECT_FALSE(Allows({}, {good, bad}, {}));
  EXPECT_FALSE(Allows({}, {good}, {bad}));
}

TEST_F(AccessCheckTest, EachKeyOfABatchCounts) {
  const AccessCheck check(rules_.get());
  const auto allows = [&](const std::vector<std::string_view>& keys) {
    return IsOk(check.Check(call_, Verb::kRead, keys));
  };
  EXPECT_TRUE(allows({kRead, kBoth}));
  EXPECT_FALSE(allows({kRead, kWrite}));
  EXPECT_FALSE(allows({kOther, kRead}));
}

TEST_F(AccessCheckTest, OnlyWhoMayWriteCanAskForOutcomes) {
  const AccessCheck check(rules_.get());
  EXPECT_TRUE(IsOk(check.CheckMayWrite(call_)));
  for (const char* other : {"eve", "nobody", ""}) {
    call_.set_principal(other);
    EXPECT_FALSE(IsOk(check.CheckMayWrite(call_))) << other;
  }
}

TEST_F(AccessCheckTest, NothingIsForWhoMayDoTheLike) {
  const AccessCheck check(rules_.get());
  const std::vector<std::string_view> no_keys;
  EXPECT_TRUE(Allows({}, {}, {}));
  EXPECT_TRUE(IsOk(check.Check(call_, Verb::kRead, no_keys)));
  call_.set_principal("eve");
  EXPECT_FALSE(Allows({}, {}, {}));
  EXPECT_FALSE(IsOk(check.Check(call_, Verb::kRead, no_keys)));
}

TEST_F(AccessCheckTest, WithoutRulesAllIsAllowed) {
  const AccessCheck check(nullptr);
  const Operation put = PutOperation{.key = kOther};
  EXPECT_TRUE(check.Check(call_, {.on_success = {&put, 1}}).ok());
  EXPECT_TRUE(check.Check(call_, Verb::kAdmin, "").ok());
  EXPECT_TRUE(check.CheckMayWrite(call_).ok());
}

}  // namespace
}  // namespace latchkey
