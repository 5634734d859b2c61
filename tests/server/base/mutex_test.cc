#include "server/base/mutex.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace latchkey {
namespace {

class Counter {
 public:
  void Add() {
    MutexLock lock(mutex_);
    ++count_;
  }
  int count() {
    MutexLock lock(mutex_);
    return count_;
  }

 private:
  Mutex mutex_;
  int count_ ABSL_GUARDED_BY(mutex_) = 0;
};

TEST(MutexTest, OneThreadAtATime) {
  Counter counter;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&counter] {
        for (int j = 0; j < 10'000; ++j) counter.Add();
      });
    }
  }
  EXPECT_EQ(counter.count(), 40'000);
}

TEST(MutexTest, AscendingRanksAndThenALeafAreInOrder) {
  Mutex first(0);
  Mutex second(1);
  Mutex leaf;
  MutexLock lock_first(first);
  MutexLock lock_second(second);
  MutexLock lock_leaf(leaf);
  leaf.AssertHeld();
  first.AssertHeld();
}

// What was unlocked does not count, in whatever order it went.
TEST(MutexTest, UnlockedMutexesAreForgotten) {
  Mutex first(0);
  Mutex second(1);
  first.Lock();
  second.Lock();
  first.Unlock();
  second.Unlock();
  MutexLock lock(first);
}

TEST(MutexTest, TryLockTakesOnlyWhatIsFree) {
  Mutex mutex(0);
  const auto another_thread_gets_it = [&mutex] {
    bool locked = false;
    std::thread([&] {
      if (!mutex.TryLock()) return;
      locked = true;
      mutex.Unlock();
    }).join();
    return locked;
  };
  EXPECT_TRUE(another_thread_gets_it());
  ASSERT_TRUE(mutex.TryLock());
  mutex.AssertHeld();
  EXPECT_FALSE(another_thread_gets_it());
  mutex.Unlock();
  EXPECT_TRUE(another_thread_gets_it());
}

TEST(MutexTest, WhoSpinsGetsTheMutexHoweverLongItIsHeld) {
  constexpr int kTurns = 2'000;
  Mutex mutex(0);
  int count = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int turn = 0; turn < kTurns; ++turn) {
        mutex.LockSpinning();
        mutex.AssertHeld();
        // Longer than anybody spins, now and then.
        if (turn % 100 == 0) std::this_thread::yield();
        ++count;
        mutex.Unlock();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, 4 * kTurns);
}

#ifdef LATCHKEY_RANK_CHECK

// Each takes locks that the compiler would refuse if it could see them.
void LockDescending() ABSL_NO_THREAD_SAFETY_ANALYSIS {
  Mutex first(0);
  Mutex second(1);
  second.Lock();
  first.Lock();
}

void TryLockDescending() ABSL_NO_THREAD_SAFETY_ANALYSIS {
  Mutex first(0);
  Mutex second(1);
  second.Lock();
  first.TryLock();
}

void LockEqualRanks() ABSL_NO_THREAD_SAFETY_ANALYSIS {
  Mutex one(7);
  Mutex other(7);
  one.Lock();
  other.Lock();
}

void LockTwoLeaves() ABSL_NO_THREAD_SAFETY_ANALYSIS {
  Mutex one;
  Mutex other;
  one.Lock();
  other.Lock();
}

void LockRankedAfterLeaf() ABSL_NO_THREAD_SAFETY_ANALYSIS {
  Mutex ranked(0);
  Mutex leaf;
  leaf.Lock();
  ranked.Lock();
}

void LockTwice() ABSL_NO_THREAD_SAFETY_ANALYSIS {
  Mutex mutex(0);
  mutex.Lock();
  mutex.Lock();
}

void UnlockForAnother() ABSL_NO_THREAD_SAFETY_ANALYSIS {
  Mutex mutex(0);
  std::thread([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { mutex.Lock(); }).join();
  mutex.Unlock();
}

void AssertWhatAnotherHolds() ABSL_NO_THREAD_SAFETY_ANALYSIS {
  Mutex mutex(0);
  std::thread([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { mutex.Lock(); }).join();
  mutex.AssertHeld();
}

TEST(MutexDeathTest, LocksOutOfOrderEndTheProcess) {
  EXPECT_DEATH(LockDescending(), "ascending rank");
  EXPECT_DEATH(TryLockDescending(), "ascending rank");
  EXPECT_DEATH(LockEqualRanks(), "ascending rank");
  EXPECT_DEATH(LockTwoLeaves(), "ascending rank");
  EXPECT_DEATH(LockRankedAfterLeaf(), "ascending rank");
}

TEST(MutexDeathTest, AThreadLocksAMutexOnce) {
  EXPECT_DEATH(LockTwice(), "locks a mutex once");
}

TEST(MutexDeathTest, AThreadAnswersForWhatItHolds) {
  EXPECT_DEATH(UnlockForAnother(), "unlocks what it holds");
  EXPECT_DEATH(AssertWhatAnotherHolds(), "holds this mutex");
}

TEST(MutexDeathTest, NoRankIsThatOfLeaves) {
  EXPECT_DEATH(Mutex{kLeafRank}, "belongs to leaves");
}

#endif  // LATCHKEY_RANK_CHECK

}  // namespace
}  // namespace latchkey
