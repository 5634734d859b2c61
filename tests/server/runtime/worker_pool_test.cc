// WorkerPool in virtual time: a manual executor runs its steps.

#include "server/runtime/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "server/base/error.h"
#include "server/runtime/asio_executor.h"
#include "tests/support/fake_clock.h"
#include "tests/support/manual_executor.h"

namespace latchkey {
namespace {

using Cause = LaneMetrics::Cause;

class WorkerPoolTest : public ::testing::Test {
 protected:
  // Tasks that wait in these tests wait for long, and the queue is patient.
  static constexpr AdmissionOptions kOptions = {
      .items_max = 4, .delay_target = 3600 * kNanosPerSecond, .servers = 2};

  // Submits a task that writes its name and its fate down.
  absl::Status Submit(const std::string& name, const DeadlineSource& source) {
    return pool_.Submit({source.token()},
                        [this, name](const absl::Status& status) {
                          log_.push_back(name + " " + Fate(status));
                        });
  }

  static std::string Fate(const absl::Status& status) {
    const auto details = GetErrorDetails(status);
    return details.has_value() ? std::string(ErrorReasonName(details->reason))
                               : absl::StatusCodeToString(status.code());
  }

  using Log = std::vector<std::string>;

  FakeClock clock_;
  ManualExecutor executor_{clock_};
  WorkerPool pool_{kOptions, clock_, executor_};
  DeadlineSource endless_{kNever};
  Log log_;
};

TEST_F(WorkerPoolTest, RunsTasksInTheirOrderAndNeverInsideSubmit) {
  ASSERT_TRUE(Submit("a", endless_).ok());
  ASSERT_TRUE(Submit("b", endless_).ok());
  EXPECT_EQ(log_, Log());
  EXPECT_EQ(pool_.depth(), 2u);
  executor_.RunReady();
  EXPECT_EQ(log_, (Log{"a OK", "b OK"}));
  EXPECT_EQ(pool_.depth(), 0u);
  EXPECT_EQ(pool_.metrics().runs(), 2u);
}

TEST_F(WorkerPoolTest, PostsNoMoreStepsThanItHasThreads) {
  for (const char* name : {"a", "b", "c", "d"}) {
    ASSERT_TRUE(Submit(name, endless_).ok());
  }
  EXPECT_EQ(executor_.pending(), 2u);
  executor_.RunReady();
  EXPECT_EQ(log_.size(), 4u);
  EXPECT_EQ(executor_.pending(), 0u);
  // And takes them up again.
  ASSERT_TRUE(Submit("e", endless_).ok());
  EXPECT_EQ(executor_.pending(), 1u);
  executor_.RunReady();
  EXPECT_EQ(log_.back(), "e OK");
}

TEST_F(WorkerPoolTest, RefusesWhatFindsItsQueueFull) {
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(Submit("in", endless_).ok());
  const absl::Status refused = Submit("out", endless_);
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Fate(refused), "OVERLOADED");
  EXPECT_GT(pool_.NextPushback(), 0);
  executor_.RunReady();
  EXPECT_EQ(log_, (Log{"in OK", "in OK", "in OK", "in OK"}));
  EXPECT_EQ(pool_.metrics().dropped(Cause::kRefused), 1u);
}

TEST_F(WorkerPoolTest, DropsWhatExpiredBeforeItWasTaken) {
  const DeadlineSource source(clock_.Now() + kNanosPerMilli);
  ASSERT_TRUE(Submit("late", source).ok());
  ASSERT_TRUE(Submit("other", endless_).ok());
  clock_.Advance(kNanosPerMilli);
  EXPECT_EQ(log_, Log());
  executor_.RunReady();
  EXPECT_EQ(log_, (Log{"late EXPIRED_IN_QUEUE", "other OK"}));
  EXPECT_EQ(pool_.metrics().dropped(Cause::kEnded), 1u);
}

TEST_F(WorkerPoolTest, RefusesWhatEndedBeforeItCame) {
  const DeadlineSource expired(clock_.Now());
  EXPECT_EQ(Fate(Submit("late", expired)), "EXPIRED_IN_QUEUE");
  DeadlineSource cancelled(kNever);
  cancelled.End(EndReason::kClientCancelled);
  EXPECT_EQ(Submit("gone", cancelled).code(), absl::StatusCode::kCancelled);
  executor_.RunReady();
  EXPECT_EQ(log_, Log());
}

TEST_F(WorkerPoolTest, ACancelFreesTheSlotAtOnce) {
  DeadlineSource source(kNever);
  ASSERT_TRUE(Submit("gone", source).ok());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Submit("in", endless_).ok());
  ASSERT_FALSE(Submit("out", endless_).ok());
  source.End(EndReason::kClientCancelled);
  EXPECT_EQ(log_, (Log{"gone CANCELLED"}));
  EXPECT_EQ(pool_.depth(), 3u);
  EXPECT_TRUE(Submit("new", endless_).ok());
  executor_.RunReady();
  EXPECT_EQ(log_, (Log{"gone CANCELLED", "in OK", "in OK", "in OK", "new OK"}));
}

TEST_F(WorkerPoolTest, ATimerFreesTheSlotAtTheDeadline) {
  DeadlineSource source(clock_.Now() + kNanosPerMilli);
  ASSERT_TRUE(Submit("late", source).ok());
  clock_.Advance(kNanosPerMilli);
  source.Expire(clock_.Now());
  EXPECT_EQ(log_, (Log{"late EXPIRED_IN_QUEUE"}));
  EXPECT_EQ(pool_.depth(), 0u);
  executor_.RunReady();
  EXPECT_EQ(log_.size(), 1u);
}

// What a task holds is freed when its fate was told, not when its step comes.
TEST_F(WorkerPoolTest, ACancelledTaskIsFreed) {
  DeadlineSource source(kNever);
  auto owned = std::make_shared<int>(0);
  const std::weak_ptr<int> watch = owned;
  ASSERT_TRUE(pool_
                  .Submit({source.token()},
                          [owned = std::move(owned)](const absl::Status&) {})
                  .ok());
  source.End(EndReason::kConnectionLost);
  EXPECT_TRUE(watch.expired());
  executor_.RunReady();
}

TEST_F(WorkerPoolTest, ARunningTaskIsNotToldTwice) {
  DeadlineSource source(kNever);
  int told = 0;
  ASSERT_TRUE(pool_
                  .Submit({source.token()},
                          [&](const absl::Status&) {
                            ++told;
                            source.End(EndReason::kClientCancelled);
                          })
                  .ok());
  executor_.RunReady();
  EXPECT_EQ(told, 1);
}

// A retry waits behind first attempts.
TEST_F(WorkerPoolTest, ShedsRetriesFirst) {
  ASSERT_TRUE(pool_
                  .Submit({.token = endless_.token(), .retry = true},
                          [&](const absl::Status&) { log_.push_back("retry"); })
                  .ok());
  ASSERT_TRUE(Submit("first", endless_).ok());
  executor_.RunReady();
  EXPECT_EQ(log_, (Log{"first OK", "retry"}));
}

TEST_F(WorkerPoolTest, IdleThreadsHelp) {
  int helped = 0;
  EXPECT_TRUE(pool_.RunIfIdle([&] { ++helped; }));
  EXPECT_TRUE(pool_.RunIfIdle([&] { ++helped; }));
  EXPECT_FALSE(pool_.RunIfIdle([&] { ++helped; }));
  EXPECT_EQ(helped, 0);
  // What comes meanwhile is run by the same threads, afterwards.
  ASSERT_TRUE(Submit("a", endless_).ok());
  EXPECT_EQ(executor_.pending(), 2u);
  executor_.RunReady();
  EXPECT_EQ(helped, 2);
  EXPECT_EQ(log_, (Log{"a OK"}));
  EXPECT_TRUE(pool_.RunIfIdle([&] { ++helped; }));
  executor_.RunReady();
}

// Tasks, cancels and deadlines at once, on real threads: each task is told once
// or refused.  The thread sanitizer judges the rest.
TEST(WorkerPoolThreadsTest, TellsEachTaskOnce) {
  constexpr int kTasks = 2'000;
  const SystemClock clock;
  std::atomic<int> told = 0;
  std::atomic<int> refused = 0;
  std::atomic<int> ran = 0;
  {
    std::vector<std::unique_ptr<DeadlineSource>> sources;
    for (int i = 0; i < kTasks; ++i) {
      sources.push_back(std::make_unique<DeadlineSource>(kNever));
    }
    std::atomic<int> submitted = 0;
    // Declared in the order of destruction's reverse: the pool outlives its
    // executor.
    std::unique_ptr<WorkerPool> pool;
    AsioExecutor executor(2);
    pool = std::make_unique<WorkerPool>(
        AdmissionOptions{.items_max = 64, .servers = 2}, clock, executor);
    std::thread canceller([&] {
      for (int i = 0; i < kTasks; ++i) {
        while (submitted <= i) std::this_thread::yield();
        if (i % 2 == 0) sources[i]->End(EndReason::kClientCancelled);
      }
    });
    for (int i = 0; i < kTasks; ++i) {
      const absl::Status status =
          pool->Submit({sources[i]->token()}, [&](const absl::Status& fate) {
            if (fate.ok()) ++ran;
            ++told;
          });
      if (!status.ok()) ++refused;
      ++submitted;
    }
    canceller.join();
    while (told + refused < kTasks) std::this_thread::yield();
  }
  EXPECT_EQ(told + refused, kTasks);
  EXPECT_GT(ran, 0);
}

}  // namespace
}  // namespace latchkey
