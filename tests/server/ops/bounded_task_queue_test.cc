#include "server/ops/bounded_task_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>

namespace latchkey {
namespace {

TEST(BoundedTaskQueueTest, RunsEachTaskBeforeItsShutdownEnds) {
  BoundedTaskQueue queue(2, 3);
  std::atomic<int> ran = 0;
  for (int i = 0; i < 100; ++i) queue.enqueue([&ran] { ran.fetch_add(1); });
  queue.shutdown();
  EXPECT_EQ(ran.load(), 100);
}

TEST(BoundedTaskQueueTest, RunsAsManyAtATimeAsItHasThreads) {
  BoundedTaskQueue queue(2, 3);
  // Each waits for the other: on one thread this would not end.
  std::latch both(2);
  for (int i = 0; i < 2; ++i)
    queue.enqueue([&both] { both.arrive_and_wait(); });
  queue.shutdown();
}

TEST(BoundedTaskQueueTest, HoldsWhoBringsMoreThanMayWait) {
  BoundedTaskQueue queue(1, 2);
  std::latch go(1);
  std::latch running(1);
  queue.enqueue([&] {
    running.count_down();
    go.wait();
  });
  running.wait();
  std::atomic<int> brought = 0;
  std::jthread bringer([&] {
    for (int i = 0; i < 4; ++i) {
      queue.enqueue([] {});
      brought.fetch_add(1);
    }
  });
  while (brought.load() < 2) std::this_thread::yield();
  // The third has no place; give it every chance to take one.
  for (int i = 0; i < 1'000; ++i) std::this_thread::yield();
  EXPECT_EQ(brought.load(), 2);
  go.count_down();
  bringer.join();
  EXPECT_EQ(brought.load(), 4);
  queue.shutdown();
}

}  // namespace
}  // namespace latchkey
