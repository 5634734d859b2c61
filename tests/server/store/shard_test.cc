#include "server/store/shard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "server/store/multi_shard_lock.h"
#include "server/store/shard_table.h"
#include "tests/support/seeded_random.h"

namespace latchkey {
namespace {

class ShardTest : public ::testing::Test {
 protected:
  HashedKey Hashed(std::string_view key) const {
    return {key, hasher_.Hash(key)};
  }

  EntryRef Put(std::string_view key, std::string_view value,
               UnixNanos expire_time = kNever) {
    MemoryRoom room(memory_);
    constexpr size_t more = 1;
    ShardLock lock(shard_);
    EXPECT_TRUE(room.TryGrow(shard_.GrowthBytes(more)));
    shard_.Grow(more, room);
    return shard_.Put(Hashed(key), Entry::Make(key, value, 0, expire_time));
  }

  Entry* Find(std::string_view key, UnixNanos now = 0) {
    ShardLock lock(shard_);
    return shard_.Find(Hashed(key), now);
  }

  std::vector<std::string> RemoveExpired(UnixNanos now, size_t entries_max) {
    std::vector<EntryRef> removed;
    {
      ShardLock lock(shard_);
      shard_.RemoveExpired(now, entries_max, removed);
    }
    std::vector<std::string> keys;
    for (const EntryRef& entry : removed) keys.emplace_back(entry->key());
    return keys;
  }

  size_t Size() {
    ShardLock lock(shard_);
    return shard_.size();
  }

  SeededRandom random_{1};
  KeyHasher hasher_{random_};
  MemoryBudget memory_;
  LedgerBudget budget_{kNanosPerSecond, 1'000'000, memory_};
  CommitSequence commits_ = 0;
  SnapshotCuts cuts_{commits_, 0, memory_};
  LeaseContext leases_;
  AgeingDuel ageing_;
  Shard shard_{0, {hasher_, memory_, budget_, cuts_, leases_, ageing_}};
};

TEST_F(ShardTest, FindsWhatWasPut) {
  EXPECT_EQ(Find("k"), nullptr);
  EXPECT_FALSE(Put("k", "v"));
  ASSERT_NE(Find("k"), nullptr);
  EXPECT_EQ(Find("k")->value(), "v");
  EXPECT_EQ(Find("l"), nullptr);
}

TEST_F(ShardTest, PutReturnsWhatItReplaced) {
  Put("k", "old");
  const EntryRef replaced = Put("k", "new");
  ASSERT_TRUE(replaced);
  EXPECT_EQ(replaced->value(), "old");
  EXPECT_EQ(Find("k")->value(), "new");
  EXPECT_EQ(Size(), 1u);
}

TEST_F(ShardTest, RemoveReturnsTheEntryAlsoWhereItExpired) {
  Put("k", "v", 5);
  ShardLock lock(shard_);
  const EntryRef removed = shard_.Remove(Hashed("k"), 1);
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->value(), "v");
  EXPECT_FALSE(shard_.Remove(Hashed("k"), 1));
  EXPECT_EQ(shard_.size(), 0u);
}

TEST_F(ShardTest, AnEntryEndsAtItsExpiry) {
  Put("k", "v", 5);
  EXPECT_NE(Find("k", 4), nullptr);
  EXPECT_EQ(Find("k", 5), nullptr);
  EXPECT_EQ(Size(), 1u);
}

TEST_F(ShardTest, RemovesWhatHasExpiredSoManyAtATime) {
  Put("c", "v", 30);
  Put("a", "v", 10);
  Put("b", "v", 20);
  Put("d", "v", 31);
  Put("e", "v");
  EXPECT_EQ(RemoveExpired(30, 2).size(), 2u);
  EXPECT_EQ(RemoveExpired(30, 9).size(), 1u);
  EXPECT_TRUE(RemoveExpired(30, 9).empty());
  EXPECT_EQ(Size(), 2u);
  EXPECT_EQ(Find("d")->key(), "d");
  EXPECT_EQ(Find("e")->key(), "e");
}

TEST_F(ShardTest, TheIndexFollowsEveryChange) {
  Put("replaced", "v", 10);
  Put("replaced", "w", 50);
  Put("made permanent", "v", 10);
  Put("made permanent", "w");
  Put("removed", "v", 10);
  Put("changed", "v", 50);
  Put("same instant", "v", 10);
  {
    ShardLock lock(shard_);
    shard_.Remove(Hashed("removed"), 1);
    shard_.SetExpireTime(*shard_.Find(Hashed("changed"), 0), 9, 1);
  }
  EXPECT_THAT(RemoveExpired(10, 9),
              testing::UnorderedElementsAre("changed", "same instant"));
  EXPECT_EQ(RemoveExpired(50, 9), std::vector<std::string>{"replaced"});
  EXPECT_EQ(Size(), 1u);
}

TEST_F(ShardTest, HoldsManyKeys) {
  for (int i = 0; i < 10'000; ++i) Put(std::to_string(i), std::to_string(i));
  EXPECT_EQ(Size(), 10'000u);
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_EQ(Find(std::to_string(i))->value(), std::to_string(i));
  }
}

TEST(HashedKeyTest, TheShardIsTheTopEightBits) {
  EXPECT_EQ((HashedKey{"k", 0x00ffffffffffffff}.shard()), 0);
  EXPECT_EQ((HashedKey{"k", 0x8000000000000000}.shard()), 128);
  EXPECT_EQ((HashedKey{"k", 0xff00000000000000}.shard()), 255);
}

TEST_F(ShardTest, NoTwoShardsShareACacheLine) {
  EXPECT_EQ(sizeof(Shard) % 64, 0u);
  EXPECT_EQ(alignof(Shard) % 64, 0u);
}

#ifdef LATCHKEY_RANK_CHECK
using ShardDeathTest = ShardTest;

TEST_F(ShardDeathTest, RefusesAnEntryUnderAnotherKey) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        ShardLock lock(shard_);
        shard_.Put(Hashed("k"), Entry::Make("l", "v", 0, kNever));
      },
      "its own key");
}
#endif

}  // namespace
}  // namespace latchkey
