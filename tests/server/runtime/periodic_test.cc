#include "server/runtime/periodic.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <thread>

#include "server/runtime/asio_executor.h"
#include "tests/support/fake_clock.h"
#include "tests/support/manual_executor.h"

namespace latchkey {
namespace {

constexpr Nanos kPause = 100 * kNanosPerMilli;

TEST(PeriodicTest, PausesUnlessThereIsMore) {
  FakeClock clock;
  ManualExecutor executor(clock);
  int steps = 0;
  const Periodic periodic(executor, kPause, [&] { return ++steps < 3; });
  EXPECT_EQ(executor.delay(), kPause);
  executor.RunReady();
  EXPECT_EQ(steps, 0);
  clock.Advance(kPause);
  // 1 and 2 have left something behind.
  executor.RunReady();
  EXPECT_EQ(steps, 3);
  EXPECT_EQ(executor.delay(), kPause);
  clock.Advance(kPause);
  executor.RunReady();
  EXPECT_EQ(steps, 4);
}

TEST(PeriodicTest, AStepNowIsBesideTheOthers) {
  FakeClock clock;
  ManualExecutor executor(clock);
  int steps = 0;
  std::optional<Periodic> periodic;
  periodic.emplace(executor, kPause, [&] {
    ++steps;
    return false;
  });
  periodic->StepNow();
  executor.RunReady();
  EXPECT_EQ(steps, 1);
  clock.Advance(kPause);
  executor.RunReady();
  EXPECT_EQ(steps, 2);
  EXPECT_EQ(executor.delay(), kPause);
  // What was asked for and not done goes with the handle.
  periodic->StepNow();
  periodic.reset();
  executor.RunReady();
  EXPECT_EQ(steps, 2);
}

TEST(PeriodicTest, StopsWithItsHandle) {
  FakeClock clock;
  ManualExecutor executor(clock);
  int steps = 0;
  std::optional<Periodic> periodic;
  periodic.emplace(executor, kPause, [&] {
    ++steps;
    return false;
  });
  clock.Advance(kPause);
  executor.RunReady();
  periodic.reset();
  clock.Advance(kPause);
  executor.RunReady();
  EXPECT_EQ(steps, 1);
  EXPECT_EQ(executor.pending(), 0u);
}

TEST(PeriodicTest, MayOutliveItsExecutor) {
  FakeClock clock;
  auto executor = std::make_unique<ManualExecutor>(clock);
  const Periodic periodic(*executor, kPause, [] { return false; });
  executor.reset();
}

TEST(PeriodicTest, ItsEndWaitsForTheStepThatRuns) {
  AsioExecutor executor;
  std::promise<void> begun;
  std::promise<void> may_end;
  std::atomic<bool> ended = false;
  std::optional<Periodic> periodic;
  periodic.emplace(executor, 0, [&] {
    if (ended) return false;
    begun.set_value();
    may_end.get_future().wait();
    ended = true;
    return false;
  });
  begun.get_future().wait();
  std::thread releaser([&] { may_end.set_value(); });
  periodic.reset();
  EXPECT_TRUE(ended);
  releaser.join();
}

// Steps never overlap, also where the executor has several threads.
TEST(PeriodicTest, GoesOnOnSeveralThreads) {
  constexpr int kSteps = 1'000;
  AsioExecutor executor(2);
  int steps = 0;
  std::promise<void> done;
  const Periodic periodic(executor, 0, [&] {
    if (++steps == kSteps) done.set_value();
    return steps < kSteps;
  });
  done.get_future().wait();
}

}  // namespace
}  // namespace latchkey
