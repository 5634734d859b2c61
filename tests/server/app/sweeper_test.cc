// Sweeper in virtual time.

#include "server/app/sweeper.h"

#include <gtest/gtest.h>

#include <string>

#include "server/store/operations.h"
#include "tests/support/fake_clock.h"
#include "tests/support/manual_executor.h"
#include "tests/support/seeded_random.h"

namespace latchkey {
namespace {

class SweeperTest : public testing::Test {
 protected:
  // Puts `count` entries that expire in a second.
  void PutExpiring(int count) {
    const DeadlineSource source(kNever);
    for (int i = 0; i < count; ++i) {
      const std::string key = std::to_string(i);
      const Operation put =
          PutOperation{.key = key,
                       .value = "v",
                       .expiration = {.kind = Expiration::Kind::kTtl,
                                      .ttl = kNanosPerSecond}};
      ASSERT_TRUE(store_.Write({.on_success = {&put, 1}}, source.token()).ok());
    }
  }

  // Lets time pass, and runs the steps that are due then.
  void Pass(Nanos time) {
    clock_.Advance(time);
    executor_.RunReady();
  }

  FakeClock clock_;
  SeededRandom random_{1};
  Store store_{{}, clock_, random_};
  ManualExecutor executor_{clock_};
  Sweeper sweeper_{store_, executor_};
};

TEST_F(SweeperTest, PausesWhenNothingIsLeft) {
  PutExpiring(10);
  sweeper_.Start();
  Pass(kNanosPerSecond - 1);
  EXPECT_EQ(store_.EntryCount(), 10u);
  // They expire during the pause.
  Pass(Sweeper::kPause - 1);
  EXPECT_EQ(store_.EntryCount(), 10u);
  Pass(1);
  EXPECT_EQ(store_.EntryCount(), 0u);
}

TEST_F(SweeperTest, EndsLeasesInTime) {
  const DeadlineSource source(kNever);
  constexpr Nanos kTtl = 25 * kNanosPerMilli;
  const auto granted =
      store_.GetOrLease({.key = "k"}, {.ttl = kTtl}, nullptr, source.token());
  ASSERT_TRUE(granted.ok() && granted->granted != kNoLease);
  sweeper_.Start();
  Pass(kTtl);
  const auto held = [&] { return store_.Counters().leases.held; };
  EXPECT_EQ(held(), 0u);
  EXPECT_EQ(executor_.pending(), 2u);
  // And not before its time.
  ASSERT_TRUE(
      store_.GetOrLease({.key = "k"}, {.ttl = kTtl}, nullptr, source.token())
          .ok());
  Pass(kTtl - 1);
  EXPECT_EQ(held(), 1u);
  Pass(Sweeper::kLeasePause);
  EXPECT_EQ(held(), 0u);
}

TEST_F(SweeperTest, StopsWithItsOwner) {
  {
    Sweeper sweeper(store_, executor_);
    sweeper.Start();
  }
  PutExpiring(10);
  clock_.Advance(kNanosPerSecond);
  executor_.RunReady();
  EXPECT_EQ(store_.EntryCount(), 10u);
}

TEST_F(SweeperTest, GoesOnAtOnceWhileThereIsMore) {
  PutExpiring(2 * Sweeper::kEntriesPerStepMax + 1);
  clock_.Advance(kNanosPerSecond);
  sweeper_.Start();
  clock_.Advance(Sweeper::kPause);
  // That of the leases.
  executor_.RunOne();
  executor_.RunOne();
  EXPECT_EQ(store_.EntryCount(), Sweeper::kEntriesPerStepMax + 1);
  EXPECT_EQ(executor_.delay(), 0);
  executor_.RunOne();
  EXPECT_EQ(store_.EntryCount(), 1u);
  EXPECT_EQ(executor_.delay(), 0);
  executor_.RunOne();
  EXPECT_EQ(store_.EntryCount(), 0u);
  EXPECT_EQ(executor_.delay(), Sweeper::kLeasePause);
}

// A snapshot whose stream has ended waits for its client, and then ends.
TEST_F(SweeperTest, EndsSnapshotsThatNobodyReads) {
  PutExpiring(10);
  const DeadlineSource source(kNever);
  auto scan =
      store_.scanner().Start({.snapshot = true, .page = {.entries_max = 1}});
  ASSERT_TRUE(scan.ok());
  const absl::StatusOr<ScanPage> page = (*scan)->Next(source.token());
  ASSERT_TRUE(page.ok());
  const std::string resume_token = page->resume_token;
  *scan = nullptr;
  sweeper_.Start();
  const auto resume = [&] {
    return store_.scanner()
        .Start({.snapshot = true, .resume_token = resume_token})
        .status();
  };
  Pass(Sweeper::kPause);
  EXPECT_TRUE(resume().ok());
  Pass(SnapshotTable::kIdleMax);
  EXPECT_EQ(resume().code(), absl::StatusCode::kOutOfRange);
}

}  // namespace
}  // namespace latchkey
