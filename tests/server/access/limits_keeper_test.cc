#include "server/access/limits_keeper.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace latchkey {
namespace {

TEST(PrincipalAccountTest, OperationsComeAtTheirRate) {
  PrincipalAccount account;
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
  PrincipalAccount account;
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
  PrincipalAccount account;
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

TEST(PrincipalAccountTest, CallsAreCountedUntilTheyAreOver) {
  PrincipalAccount account;
  account.set_limits({.live_calls = 2});
  EXPECT_TRUE(account.TakeCall());
  EXPECT_TRUE(account.TakeCall());
  EXPECT_FALSE(account.TakeCall());
  account.GiveCall();
  EXPECT_FALSE(account.TakeCall());
  account.GiveCall();
  account.GiveCall();
  EXPECT_TRUE(account.TakeCall());
  EXPECT_EQ(account.calls_refused(), 2u);
}

class LimitsKeeperTest : public testing::Test {
 protected:
  ~LimitsKeeperTest() override { std::remove(file_.c_str()); }

  std::unique_ptr<LimitsKeeper> Open(const std::string& text) {
    Write(text);
    auto keeper = LimitsKeeper::Open(file_);
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
  EXPECT_TRUE(web->TakeCall());
  EXPECT_FALSE(web->TakeCall());
  EXPECT_EQ(keeper->refusals().calls, 1u);
  Write("web live-calls=1 live-cells=2");
  EXPECT_FALSE(keeper->Reload().ok());
  EXPECT_FALSE(web->TakeCall());
  Write("web live-calls=9");
  EXPECT_TRUE(keeper->Reload().ok());
  EXPECT_TRUE(web->TakeCall());
  Write("other live-calls=1");
  EXPECT_TRUE(keeper->Reload().ok());
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(web->TakeCall());
}

TEST_F(LimitsKeeperTest, NamesOfClientsDoNotAddUpForEver) {
  const auto keeper = Open("* live-calls=1");
  for (size_t i = 0; i < kAccountsMax; ++i) {
    keeper->AccountOf(std::to_string(i));
  }
  EXPECT_EQ(keeper->AccountOf("more"), keeper->AccountOf("still more"));
  EXPECT_TRUE(keeper->AccountOf("more")->TakeCall());
  EXPECT_FALSE(keeper->AccountOf("still more")->TakeCall());
}

TEST_F(LimitsKeeperTest, ABadLineIsNamed) {
  const struct {
    const char* text;
    const char* problem;
  } rows[] = {
      {"", ": there is no limit in it"},
      {"web", ":1: a line is a principal and limits"},
      {"a live-calls=1\nweb bytes=1",
       ":2: the limits are "
       "operations-per-second= and live-calls="},
      {"web live-calls",
       ":1: a limit is a number from 1 to 10000000, after "
       "a ="},
      {"web live-calls=0",
       ":1: a limit is a number from 1 to 10000000, after "
       "a ="},
      {"web live-calls=10000001",
       ":1: a limit is a number from 1 to 10000000, "
       "after a ="},
      {"web live-calls=1 live-calls=2", ":1: a limit stands in a line once"},
      {"web live-calls=1\nweb live-calls=2",
       ":2: the principal has a line "
       "above"},
  };
  for (const auto& row : rows) {
    Write(row.text);
    const auto status = LimitsKeeper::Open(file_).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(std::string(status.message()), file_ + row.problem);
  }
}

}  // namespace
}  // namespace latchkey
