#include "server/store/multi_shard_lock.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

#include "tests/support/seeded_random.h"

namespace latchkey {
namespace {

ShardSet SetOf(std::initializer_list<int> shards) {
  ShardSet set;
  for (const int shard : shards) set.Add(static_cast<ShardIndex>(shard));
  return set;
}

class MultiShardLockTest : public ::testing::Test {
 protected:
  SeededRandom random_{1};
  KeyHasher hasher_{random_};
  MemoryBudget memory_;
  LedgerBudget budget_{kNanosPerSecond, 1'000'000, memory_};
  CommitSequence commits_ = 0;
  SnapshotCuts cuts_{commits_, 0, memory_};
  LeaseContext leases_;
  AgeingDuel ageing_;
  std::unique_ptr<ShardTable> table_ = std::make_unique<ShardTable>(
      ShardContext{hasher_, memory_, budget_, cuts_, leases_, ageing_});
};

TEST(ShardSetTest, HoldsWhatWasAddedAndNothingElse) {
  const ShardSet set = SetOf({255, 0, 63, 64, 63});
  for (int shard = 0; shard < 256; ++shard) {
    EXPECT_EQ(set.Contains(static_cast<ShardIndex>(shard)),
              shard == 0 || shard == 63 || shard == 64 || shard == 255)
        << shard;
  }
}

TEST_F(MultiShardLockTest, GivesTheShardsOfItsSet) {
  const MultiShardLock lock(*table_, SetOf({200, 3}));
  for (const int shard : {3, 200}) {
    const auto index = static_cast<ShardIndex>(shard);
    EXPECT_EQ(&lock[index], &(*table_)[index]);
    lock[index].AssertHeld();
  }
}

TEST_F(MultiShardLockTest, TakesAllShardsAndGivesThemBack) {
  ShardSet all;
  for (size_t i = 0; i < kShardCount; ++i) all.Add(static_cast<ShardIndex>(i));
  {
    const MultiShardLock lock(*table_, all);
  }
  {
    const MultiShardLock again(*table_, all);
  }
}

TEST_F(MultiShardLockTest, OfNoShardsHoldsNone) {
  const MultiShardLock none(*table_, ShardSet());
  const MultiShardLock some(*table_, SetOf({1}));
  some[1].AssertHeld();
}

// Each thread adds to plain counters that only the locks protect.
TEST_F(MultiShardLockTest, ExcludesEveryoneElseFromEachOfItsShards) {
  constexpr int kShards = 5;
  constexpr int kRounds = 5'000;
  int counters[kShards] = {};
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&, thread] {
        for (int round = 0; round < kRounds; ++round) {
          const int one = (thread + round) % kShards;
          const int other = (one + 1 + round % 3) % kShards;
          const MultiShardLock lock(*table_, SetOf({one, other}));
          ++counters[one];
          ++counters[other];
        }
      });
    }
  }
  int total = 0;
  for (const int counter : counters) total += counter;
  EXPECT_EQ(total, 4 * kRounds * 2);
}

class MultiShardLockDeathTest : public MultiShardLockTest {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(MultiShardLockDeathTest, RefusesAShardThatIsNotItsOwn) {
  const MultiShardLock lock(*table_, SetOf({1, 2}));
  EXPECT_DEATH(lock[3], "the shard is locked");
}

#ifdef LATCHKEY_RANK_CHECK
TEST_F(MultiShardLockDeathTest, RefusesToGoBackBehindAShardThatIsHeld) {
  const MultiShardLock lock(*table_, SetOf({7}));
  EXPECT_DEATH(
      { const MultiShardLock lower(*table_, SetOf({3})); }, "ascending rank");
}

TEST_F(MultiShardLockDeathTest, RefusesAShardThatIsHeldAlready) {
  const MultiShardLock lock(*table_, SetOf({7}));
  EXPECT_DEATH(
      { const MultiShardLock again(*table_, SetOf({7, 9})); },
      "locks a mutex once");
}
#endif

}  // namespace
}  // namespace latchkey
