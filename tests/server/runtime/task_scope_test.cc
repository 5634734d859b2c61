#include "server/runtime/task_scope.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "server/runtime/asio_executor.h"
#include "tests/support/fake_clock.h"
#include "tests/support/manual_executor.h"

namespace latchkey {
namespace {

class TaskScopeTest : public ::testing::Test {
 protected:
  TaskScope MakeScope() { return {parent_.token(), pool_, clock_}; }

  FakeClock clock_;
  ManualExecutor executor_{clock_};
  WorkerPool pool_{{.servers = 2}, clock_, executor_};
  DeadlineSource parent_{kNever};
};

TEST_F(TaskScopeTest, JoinRunsAllChildren) {
  TaskScope scope = MakeScope();
  std::vector<int> ran;
  for (int i = 0; i < 5; ++i) {
    scope.Start([&ran, i](DeadlineToken) {
      ran.push_back(i);
      return absl::OkStatus();
    });
  }
  EXPECT_TRUE(ran.empty());
  EXPECT_EQ(scope.Join(), absl::OkStatus());
  EXPECT_EQ(ran, (std::vector<int>{0, 1, 2, 3, 4}));
  // Helpers that come too late find nothing.
  EXPECT_GT(executor_.pending(), 0u);
  executor_.RunReady();
  EXPECT_EQ(ran.size(), 5u);
}

TEST_F(TaskScopeTest, HelpersRunChildrenToo) {
  TaskScope scope = MakeScope();
  int ran = 0;
  for (int i = 0; i < 5; ++i) {
    scope.Start([&ran](DeadlineToken) {
      ++ran;
      return absl::OkStatus();
    });
  }
  executor_.RunOne();
  EXPECT_EQ(ran, 5);
  EXPECT_EQ(scope.Join(), absl::OkStatus());
  executor_.RunReady();
}

TEST_F(TaskScopeTest, HelpersThatComeAfterTheEndTouchNothing) {
  {
    TaskScope scope = MakeScope();
    scope.Start([](DeadlineToken) { return absl::OkStatus(); });
    EXPECT_EQ(scope.Join(), absl::OkStatus());
  }
  executor_.RunReady();
}

TEST_F(TaskScopeTest, TheFirstErrorCancelsTheRest) {
  TaskScope scope = MakeScope();
  std::vector<int> ran;
  std::optional<DeadlineToken> others;
  scope.Start([&](DeadlineToken token) {
    ran.push_back(0);
    others = token;
    return absl::OkStatus();
  });
  scope.Start([&](DeadlineToken) {
    ran.push_back(1);
    return absl::AbortedError("one");
  });
  scope.Start([&](DeadlineToken) {
    ran.push_back(2);
    return absl::AbortedError("two");
  });
  EXPECT_EQ(scope.Join(), absl::AbortedError("one"));
  EXPECT_EQ(ran, (std::vector<int>{0, 1}));
  EXPECT_EQ(others->Check(0), EndReason::kSiblingFailed);
  EXPECT_EQ(parent_.token().Check(0), EndReason::kNone);
  executor_.RunReady();
}

TEST_F(TaskScopeTest, EndsWithItsParent) {
  TaskScope scope = MakeScope();
  int ran = 0;
  scope.Start([&](DeadlineToken token) {
    ++ran;
    parent_.End(EndReason::kConnectionLost);
    EXPECT_EQ(token.Check(0), EndReason::kConnectionLost);
    return absl::OkStatus();
  });
  scope.Start([&](DeadlineToken) {
    ++ran;
    return absl::OkStatus();
  });
  const absl::Status status = scope.Join();
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(status.message(), "the connection was lost");
  EXPECT_EQ(ran, 1);
  executor_.RunReady();
}

TEST_F(TaskScopeTest, CanBeFilledAgainAfterJoin) {
  TaskScope scope = MakeScope();
  EXPECT_EQ(scope.Join(), absl::OkStatus());
  int ran = 0;
  scope.Start([&](DeadlineToken) {
    ++ran;
    return absl::OkStatus();
  });
  EXPECT_EQ(scope.Join(), absl::OkStatus());
  EXPECT_EQ(ran, 1);
  executor_.RunReady();
}

TEST_F(TaskScopeTest, WithChildrenInsideItsEndIsACrash) {
  EXPECT_DEATH(
      {
        TaskScope scope = MakeScope();
        scope.Start([](DeadlineToken) { return absl::OkStatus(); });
      },
      "joined before its end");
}

// Every thread of the pool joins a scope, and nobody is left to help.
TEST(TaskScopeThreadsTest, APoolWhoseThreadsAllJoinGoesOn) {
  constexpr int kThreads = 2;
  constexpr int kScopes = 200;
  const SystemClock clock;
  std::unique_ptr<WorkerPool> pool;
  std::atomic<int> children = 0;
  std::atomic<int> scopes = 0;
  DeadlineSource source(kNever);
  AsioExecutor executor(kThreads);
  pool = std::make_unique<WorkerPool>(
      AdmissionOptions{.items_max = kScopes,
                       .delay_target = 3600 * kNanosPerSecond,
                       .servers = kThreads},
      clock, executor);
  for (int i = 0; i < kScopes; ++i) {
    const absl::Status submitted =
        pool->Submit({source.token()}, [&](const absl::Status&) {
          TaskScope scope(source.token(), *pool, clock);
          for (int j = 0; j < 8; ++j) {
            scope.Start([&](DeadlineToken) {
              ++children;
              return absl::OkStatus();
            });
          }
          EXPECT_EQ(scope.Join(), absl::OkStatus());
          ++scopes;
        });
    ASSERT_TRUE(submitted.ok());
  }
  while (scopes < kScopes) std::this_thread::yield();
  EXPECT_EQ(children, 8 * kScopes);
}

// The joining thread waits for a child that a helper runs.
TEST(TaskScopeThreadsTest, JoinWaitsForHelpers) {
  const SystemClock clock;
  std::unique_ptr<WorkerPool> pool;
  DeadlineSource source(kNever);
  AsioExecutor executor(1);
  pool = std::make_unique<WorkerPool>(AdmissionOptions{}, clock, executor);
  std::promise<void> begun;
  std::promise<void> may_end;
  std::atomic<bool> ended = false;
  TaskScope scope(source.token(), *pool, clock);
  scope.Start([&](DeadlineToken) {
    begun.set_value();
    may_end.get_future().wait();
    ended = true;
    return absl::OkStatus();
  });
  begun.get_future().wait();
  std::thread releaser([&] { may_end.set_value(); });
  EXPECT_EQ(scope.Join(), absl::OkStatus());
  EXPECT_TRUE(ended);
  releaser.join();
}

}  // namespace
}  // namespace latchkey
