#include "server/runtime/asio_executor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <thread>
#include <vector>

namespace latchkey {
namespace {

TEST(AsioExecutorTest, RunsWhatIsPostedInOrderOnOneOtherThread) {
  AsioExecutor executor;
  std::vector<int> order;
  std::vector<std::thread::id> threads;
  std::promise<void> done;
  for (int i = 0; i < 100; ++i) {
    executor.Post([&, i] {
      order.push_back(i);
      threads.push_back(std::this_thread::get_id());
      if (i == 99) done.set_value();
    });
  }
  done.get_future().wait();
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(order[i], i);
    EXPECT_EQ(threads[i], threads[0]);
  }
  EXPECT_NE(threads[0], std::this_thread::get_id());
}

TEST(AsioExecutorTest, NeverRunsInsidePost) {
  AsioExecutor executor;
  std::promise<bool> nested_ran_inside;
  executor.Post([&] {
    auto ran = std::make_shared<bool>(false);
    executor.Post([ran] { *ran = true; });
    nested_ran_inside.set_value(*ran);
  });
  EXPECT_FALSE(nested_ran_inside.get_future().get());
}

TEST(AsioExecutorTest, RunsShorterDelaysFirst) {
  AsioExecutor executor;
  std::vector<int> order;
  std::promise<void> done;
  // Asked for from its own thread, so that both timers run from one moment.
  executor.Post([&] {
    executor.PostAfter(20 * kNanosPerMilli, [&] {
      order.push_back(2);
      done.set_value();
    });
    executor.PostAfter(0, [&] { order.push_back(1); });
  });
  done.get_future().wait();
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST(AsioExecutorTest, WaitsForTheDelay) {
  AsioExecutor executor;
  const SystemClock clock;
  const UnixNanos begin = clock.Now();
  std::promise<UnixNanos> ran_at;
  executor.PostAfter(10 * kNanosPerMilli,
                     [&] { ran_at.set_value(clock.Now()); });
  EXPECT_GE(ran_at.get_future().get() - begin, 10 * kNanosPerMilli);
}

TEST(AsioExecutorTest, DropsWhatWaitsWhenItEnds) {
  std::atomic<bool> ran = false;
  auto owned = std::make_shared<int>(0);
  const std::weak_ptr<int> watch = owned;
  {
    AsioExecutor executor;
    executor.PostAfter(3600 * kNanosPerSecond,
                       [&ran, owned = std::move(owned)] { ran = true; });
  }
  EXPECT_FALSE(ran);
  // Dropped, not leaked.
  EXPECT_TRUE(watch.expired());
}

// The one that runs is finished: what it uses may go after the executor.
TEST(AsioExecutorTest, EndsAfterTheFunctionThatRuns) {
  std::atomic<bool> finished = false;
  std::promise<void> started;
  std::promise<void> may_finish;
  auto executor = std::make_unique<AsioExecutor>();
  executor->Post([&] {
    started.set_value();
    may_finish.get_future().wait();
    finished = true;
  });
  started.get_future().wait();
  std::thread ender([&] { executor.reset(); });
  may_finish.set_value();
  ender.join();
  EXPECT_TRUE(finished);
}

}  // namespace
}  // namespace latchkey
