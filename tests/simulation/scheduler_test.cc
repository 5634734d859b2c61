#include "tests/simulation/scheduler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "server/base/mutex.h"
#include "server/base/scheduling_hook.h"

namespace latchkey::simulation {
namespace {

constexpr SchedulerOptions kNoStalls = {.seed = 1, .stall_one_in = 0};

// The order in which three fibers reach their points.
std::string OrderOf(uint64_t seed) {
  Scheduler scheduler({.seed = seed});
  std::string order;
  for (const char name : {'a', 'b', 'c'}) {
    scheduler.Start("fiber", [&scheduler, &order, name] {
      for (int i = 0; i < 4; ++i) {
        order += name;
        scheduler.Point();
      }
    });
  }
  scheduler.Run();
  EXPECT_EQ(scheduler.failures(), std::vector<std::string>());
  return order;
}

TEST(SchedulerTest, ASeedHasOneOrder) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    EXPECT_EQ(OrderOf(seed), OrderOf(seed));
  }
}

TEST(SchedulerTest, SeedsHaveManyOrders) {
  std::set<std::string> orders;
  for (uint64_t seed = 1; seed <= 200; ++seed) orders.insert(OrderOf(seed));
  EXPECT_GT(orders.size(), 80u);
}

TEST(SchedulerTest, TimeJumpsWhenNobodyCanGoOn) {
  Scheduler scheduler(kNoStalls);
  std::vector<UnixNanos> woken;
  for (const int hours : {3, 1, 2}) {
    scheduler.Start("sleeper", [&scheduler, &woken, hours] {
      scheduler.WaitUntil(Scheduler::kStart + hours * 3'600 * kNanosPerSecond);
      woken.push_back(scheduler.now() / (3'600 * kNanosPerSecond));
    });
  }
  scheduler.Run();
  const UnixNanos start = Scheduler::kStart / (3'600 * kNanosPerSecond);
  EXPECT_EQ(woken, (std::vector<UnixNanos>{start + 1, start + 2, start + 3}));
}

TEST(SchedulerTest, OneHoldsAMutexAtATime) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    Scheduler scheduler({.seed = seed, .stall_one_in = 10});
    Mutex mutex;
    int inside = 0;
    int entered = 0;
    for (int i = 0; i < 5; ++i) {
      scheduler.Start("fiber", [&] {
        for (int turn = 0; turn < 10; ++turn) {
          const MutexLock lock(mutex);
          EXPECT_EQ(++inside, 1);
          scheduler.Point();
          mutex.AssertHeld();
          ++entered;
          --inside;
        }
      });
    }
    scheduler.Run();
    EXPECT_EQ(scheduler.failures(), std::vector<std::string>());
    EXPECT_EQ(entered, 50);
  }
}

TEST(SchedulerTest, ADeadlockIsReportedAsSuch) {
  int deadlocks = 0;
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    Scheduler scheduler({.seed = seed, .stall_one_in = 0});
    Mutex first(1);
    Mutex second(2);
    scheduler.Start("up", [&] {
      const MutexLock one(first);
      const MutexLock two(second);
    });
    scheduler.Start("down", [&] {
      const MutexLock two(second);
      const MutexLock one(first);
    });
    scheduler.Run();
    const std::vector<std::string>& failures = scheduler.failures();
    // The wrong order shows in each run, the deadlock in those where it is one.
    ASSERT_FALSE(failures.empty());
    EXPECT_EQ(failures[0], "lock-order: down locks rank 1 while it holds 2");
    if (failures.size() == 1) continue;
    ++deadlocks;
    EXPECT_EQ(failures[1],
              "deadlock: up waits for a lock that down holds, holds rank 1");
    EXPECT_EQ(failures[2],
              "deadlock: down waits for a lock that up holds, holds rank 2");
  }
  EXPECT_GT(deadlocks, 5);
  EXPECT_LT(deadlocks, 50);
}

TEST(SchedulerTest, WhoWaitsForeverIsReported) {
  Scheduler scheduler(kNoStalls);
  Signal signal(scheduler);
  scheduler.Start("patient", [&] { signal.Wait(); });
  scheduler.Run();
  EXPECT_EQ(scheduler.failures(),
            std::vector<std::string>{"deadlock: patient waits"});
}

TEST(SchedulerTest, ASignalWakesOrTimeDoes) {
  Scheduler scheduler(kNoStalls);
  Signal signal(scheduler);
  std::vector<bool> woken;
  scheduler.Start("waiting", [&] {
    const UnixNanos start = scheduler.now();
    woken.push_back(signal.WaitUntil(start + kNanosPerSecond));
    woken.push_back(signal.WaitUntil(start + 2 * kNanosPerSecond));
  });
  scheduler.Start("waking", [&] {
    scheduler.WaitFor(kNanosPerMilli);
    signal.NotifyAll();
  });
  scheduler.Run();
  EXPECT_EQ(woken, (std::vector<bool>{true, false}));
}

TEST(SchedulerTest, TellsByWhichReadingUnderALockWasDecided) {
  Scheduler scheduler(kNoStalls);
  const VirtualClock clock(scheduler);
  Mutex mutex;
  scheduler.Start("fiber", [&] {
    clock.Now();
    EXPECT_EQ(scheduler.decided_at(), 0);
    UnixNanos under_lock = 0;
    {
      const MutexLock lock(mutex);
      under_lock = clock.Now();
    }
    EXPECT_GT(clock.Now(), under_lock);
    EXPECT_EQ(scheduler.decided_at(), under_lock);
  });
  scheduler.Run();
}

TEST(SchedulerTest, AnAtomicIsAwaited) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Scheduler scheduler({.seed = seed});
    std::atomic<int> stage = 0;
    const auto start = [&](int mine) {
      scheduler.Start("fiber", [&scheduler, &stage, mine] {
        for (int i = 0; i < mine; ++i) {
          AwaitChange(stage, i, std::memory_order_acquire);
        }
        scheduler.Point();
        ++stage;
        TellChange(stage);
      });
    };
    for (const int mine : {2, 0, 1}) start(mine);
    scheduler.Run();
    EXPECT_EQ(scheduler.failures(), std::vector<std::string>());
    EXPECT_EQ(stage, 3);
  }
}

TEST(SchedulerTest, FibersAreDifferentRunners) {
  Scheduler scheduler(kNoStalls);
  std::vector<RunnerId> runners;
  for (int i = 0; i < 2; ++i) {
    scheduler.Start("fiber", [&] {
      runners.push_back(CurrentRunner());
      scheduler.Point();
      EXPECT_NE(std::find(runners.begin(), runners.end(), CurrentRunner()),
                runners.end());
    });
  }
  scheduler.Run();
  ASSERT_EQ(runners.size(), 2u);
  EXPECT_FALSE(runners[0] == runners[1]);
}

TEST(SchedulerTest, StallsWithItsLocks) {
  Scheduler scheduler({.seed = 3, .stall_one_in = 4});
  Mutex mutex;
  for (int i = 0; i < 3; ++i) {
    scheduler.Start("fiber", [&] {
      for (int turn = 0; turn < 20; ++turn) {
        const MutexLock lock(mutex);
        scheduler.Point();
      }
    });
  }
  scheduler.Run();
  EXPECT_GT(scheduler.stalls(), 10u);
  EXPECT_GT(scheduler.lock_waits(), 10u);
  EXPECT_GT(scheduler.now(), Scheduler::kStart + kNanosPerMilli);
}

}  // namespace
}  // namespace latchkey::simulation
