#include "server/access/limits_keeper.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "server/base/error.h"

namespace latchkey {
namespace {

TEST(PrincipalAccountTest, OperationsComeAtTheirRate) {
  PrincipalAccount account(1, "web");
  EXPECT_EQ(account.TakeOperations(1'000, 0), 0);
  account.set_limits({.operations_per_second = 10});
  UnixNanos now = 50 * kNanosPerSecond;
  // A second's worth at once.
  for (int i = 0; i < 10; ++i) EXPECT_EQ(account.TakeOperations(1, now), 0);
  EXPECT_EQ(account.TakeOperations(1, now), 100 * kNanosPerMilli);
  // What is refused is not counted.
  EXPECT_EQ(account.TakeOperations(5, now), 500 * kNanosPerMilli);
  now += 100 * kNanosPerMilli;
  EXPECT_EQ(account.TakeOperations(1, now), 0);
  EXPECT_EQ(account.TakeOperations(1, now), 100 * kNanosPerMilli);
  EXPECT_EQ(account.operations_refused(), 3u);
  // A day of rest is worth no more than a second.
  now += 86'400 * kNanosPerSecond;
  EXPECT_EQ(account.TakeOperations(10, now), 0);
  EXPECT_GT(account.TakeOperations(1, now), 0);
}

TEST(PrincipalAccountTest, ALargeRequestGoesOnceAndIsPaidFor) {
  PrincipalAccount account(1, "web");
  account.set_limits({.operations_per_second = 10});
  const UnixNanos now = 50 * kNanosPerSecond;
  EXPECT_EQ(account.TakeOperations(1, now), 0);
  EXPECT_EQ(account.TakeOperations(100, now), 100 * kNanosPerMilli);
  const UnixNanos later = now + 100 * kNanosPerMilli;
  EXPECT_EQ(account.TakeOperations(100, later), 0);
  EXPECT_EQ(account.TakeOperations(1, later),
            9 * kNanosPerSecond + 100 * kNanosPerMilli);
}

TEST(PrincipalAccountTest, ThreadsTakeNoMoreTogether) {
  PrincipalAccount account(1, "web");
  account.set_limits({.operations_per_second = 1'000});
  std::atomic<int> taken = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 1'000; ++k) {
        if (account.TakeOperations(1, kNanosPerSecond) == 0) ++taken;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken, 1'000);
}

TEST(CountedLimitTest, NoMoreIsTakenThanThereIs) {
  CountedLimit limit;
  EXPECT_FALSE(limit.is_set());
  EXPECT_TRUE(limit.Take(1'000));
  limit.Give(998);
  limit.set_max(3);
  EXPECT_TRUE(limit.is_set());
  EXPECT_FALSE(limit.Take(2));
  EXPECT_TRUE(limit.Take(1));
  EXPECT_FALSE(limit.Take(1));
  // What is refused is not taken.
  EXPECT_EQ(limit.used(), 3);
  EXPECT_EQ(limit.refused(), 2u);
  // A lower limit counts for what comes next.
  limit.set_max(1);
  EXPECT_FALSE(limit.Take(1));
  EXPECT_EQ(limit.used(), 3);
  limit.Give(2);
  EXPECT_FALSE(limit.Take(1));
  limit.Give(1);
  EXPECT_TRUE(limit.Take(1));
  EXPECT_FALSE(limit.Take(kPrincipalBytesHeldMax));
}

TEST(CountedLimitTest, ThreadsTakeAllThereIsAndNoMore) {
  constexpr int64_t kMax = 1'000;
  CountedLimit limit;
  limit.set_max(kMax);
  std::atomic<int64_t> taken = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 1'000; ++k) {
        if (limit.Take(1)) ++taken;
        EXPECT_LE(limit.used(), kMax);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken, kMax);
}

TEST(PrincipalAccountTest, AnErrorNamesTheLimitAndThePrincipal) {
  const PrincipalAccount account(1, "web");
  const absl::Status error = account.OverLimitError(kBytesLimit);
  EXPECT_EQ(error.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(error.message(), "the principal web is over its limit of bytes");
  const auto details = GetErrorDetails(error);
  ASSERT_TRUE(details.has_value());
  EXPECT_EQ(details->reason, ErrorReason::kPrincipalLimit);
  EXPECT_EQ(details->metadata, (ErrorMetadata{{"limit", "bytes"}}));
}

class LimitsKeeperTest : public testing::Test {
 protected:
  ~LimitsKeeperTest() override { std::remove(file_.c_str()); }

  std::unique_ptr<LimitsKeeper> Open(const std::string& text) {
    Write(text);
    auto keeper = LimitsKeeper::Open(file_, /*counts_connections=*/true);
    EXPECT_TRUE(keeper.ok()) << keeper.status();
    return *std::move(keeper);
  }
  void Write(const std::string& text) { std::ofstream(file_) << text; }

  const std::string file_ = testing::TempDir() + "limits_keeper";
};

TEST_F(LimitsKeeperTest, WhoHasNoLineHasThatOfTheOthers) {
  const auto keeper = Open("web live-calls=1\n* operations-per-second=5");
  EXPECT_FALSE(keeper->AccountOf("web")->limits_operations());
  EXPECT_TRUE(keeper->AccountOf("batch")->limits_operations());
  EXPECT_NE(keeper->AccountOf("batch"), keeper->AccountOf("ops"));
  EXPECT_EQ(keeper->AccountOf("batch"), keeper->AccountOf("batch"));
}

TEST_F(LimitsKeeperTest, AnotherFileCountsForAccountsThatAreThere) {
  const auto keeper = Open("web live-calls=1");
  PrincipalAccount* const web = keeper->AccountOf("web");
  EXPECT_TRUE(web->live_calls().Take(1));
  EXPECT_FALSE(web->live_calls().Take(1));
  EXPECT_EQ(keeper->refusals().live_calls, 1u);
  Write("web live-calls=1 live-cells=2");
  EXPECT_FALSE(keeper->Reload().ok());
  EXPECT_FALSE(web->live_calls().Take(1));
  Write("web live-calls=9");
  EXPECT_TRUE(keeper->Reload().ok());
  EXPECT_TRUE(web->live_calls().Take(1));
  Write("other live-calls=1");
  EXPECT_TRUE(keeper->Reload().ok());
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(web->live_calls().Take(1));
}

TEST_F(LimitsKeeperTest, NamesOfClientsDoNotAddUpForEver) {
  const auto keeper = Open("* live-calls=1");
  for (size_t i = 0; i < kAccountsMax; ++i) {
    keeper->AccountOf(std::to_string(i));
  }
  EXPECT_EQ(keeper->AccountOf("more"), keeper->AccountOf("still more"));
  EXPECT_TRUE(keeper->AccountOf("more")->live_calls().Take(1));
  EXPECT_FALSE(keeper->AccountOf("still more")->live_calls().Take(1));
}

TEST_F(LimitsKeeperTest, EachLimitIsThatOfItsName) {
  const auto keeper = Open(
      "web live-calls=1 connections=2 ledger-records=3 bytes=10000000000000");
  PrincipalAccount* const web = keeper->AccountOf("web");
  const auto left = [](CountedLimit& limit) {
    int64_t count = 0;
    while (count < 10 && limit.Take(1)) ++count;
    return count;
  };
  EXPECT_EQ(left(web->live_calls()), 1);
  EXPECT_EQ(left(web->connections()), 2);
  EXPECT_EQ(left(web->ledger_records()), 3);
  EXPECT_TRUE(web->bytes().Take(kPrincipalBytesHeldMax));
  EXPECT_FALSE(web->bytes().Take(1));
  EXPECT_EQ(web->TakeOperations(1'000, 0), 0);
  EXPECT_FALSE(web->bytes().Take(1));
  const LimitsKeeper::Refusals refusals = keeper->refusals();
  EXPECT_EQ(refusals.operations, 0u);
  EXPECT_EQ(refusals.live_calls, 1u);
  EXPECT_EQ(refusals.connections, 1u);
  EXPECT_EQ(refusals.ledger_records, 1u);
  EXPECT_EQ(refusals.bytes, 2u);
}

TEST_F(LimitsKeeperTest, AccountsAreFoundByTheirNumbers) {
  const auto keeper = Open("* live-calls=1");
  std::set<uint32_t> numbers;
  for (size_t i = 0; i < kAccountsMax + 2; ++i) {
    PrincipalAccount* const account = keeper->AccountOf(std::to_string(i));
    EXPECT_EQ(&keeper->accounts().Find(account->number()), account);
    numbers.insert(account->number());
  }
  // That which is shared, too.
  EXPECT_EQ(numbers.size(), kAccountsMax + 1);
  EXPECT_FALSE(numbers.contains(kNoAccount));
}

TEST_F(LimitsKeeperTest, ConnectionsAreNotLimitedWhereTheyAreNotCounted) {
  Write("web live-calls=1");
  auto keeper = LimitsKeeper::Open(file_, /*counts_connections=*/false);
  ASSERT_TRUE(keeper.ok()) << keeper.status();
  Write("web live-calls=1\nbatch connections=1");
  const std::string problem =
      file_ +
      ":2: connections= needs --transport=native: the gRPC library does not "
      "tell when a connection ends";
  EXPECT_EQ((*keeper)->Reload().message(), problem);
  EXPECT_EQ(LimitsKeeper::Open(file_, false).status().message(), problem);
}

TEST_F(LimitsKeeperTest, ABadLineIsNamed) {
  const struct {
    const char* text;
    const char* problem;
  } rows[] = {
      {"", ": there is no limit in it"},
      {"web", ":1: a line is a principal and limits"},
      {"a live-calls=1\nweb byte=1",
       ":2: the limits are operations-per-second=, live-calls=, connections=, "
       "ledger-records=, bytes="},
      {"web live-calls",
       ":1: live-calls is a number from 1 to 10000000, after a ="},
      {"web connections=0",
       ":1: connections is a number from 1 to 10000000, after a ="},
      {"web ledger-records=10000001",
       ":1: ledger-records is a number from 1 to 10000000, after a ="},
      {"web bytes=10000000000001",
       ":1: bytes is a number from 1 to 10000000000000, after a ="},
      {"web live-calls=1 live-calls=2", ":1: a limit stands in a line once"},
      {"web live-calls=1\nweb live-calls=2",
       ":2: the principal has a line "
       "above"},
  };
  for (const auto& row : rows) {
    Write(row.text);
    const auto status = LimitsKeeper::Open(file_, true).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(std::string(status.message()), file_ + row.problem);
  }
}

}  // namespace
}  // namespace latchkey
