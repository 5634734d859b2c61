// Who leaves when memory is short: textbook traces counted by hand, and the
// rules of TinyLFU and of S3-FIFO one by one.

#include "server/store/eviction_queues.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "server/store/frequency_table.h"
#include "server/store/ghost_table.h"

namespace latchkey {
namespace {

// A cache of so many entries of one size.
class EvictionQueuesTest : public ::testing::Test {
 protected:
  void Use(EvictionPolicy policy, size_t entries_max) {
    queues_ = std::make_unique<EvictionQueues>(policy, order_, ageing_);
    entries_max_ = entries_max;
    queues_->ResizeHistory(64);
  }

  static uint32_t FingerprintOf(const std::string& key) {
    return static_cast<uint32_t>(std::hash<std::string>()(key));
  }

  void Leave(const std::string& key) {
    const auto it = entries_.find(key);
    queues_->Remove(*it->second);
    order_.Remove(*it->second);
    entries_.erase(it);
  }

  // Whose turn it is; empty: nobody's.
  std::string Next(const std::set<std::string_view>& kept = {}) {
    const Entry* next =
        queues_->Next([&](std::string_view key) { return kept.contains(key); });
    return next == nullptr ? "" : std::string(next->key());
  }

  std::string Evict() {
    const std::string key = Next();
    if (key.empty()) return key;
    queues_->LeaveGhost(*entries_.at(key), FingerprintOf(key));
    Leave(key);
    return key;
  }

  // Reads `key`, and puts it where it is missing; returns whether it was there.
  bool Access(const std::string& key) {
    const auto it = entries_.find(key);
    if (it != entries_.end()) {
      queues_->Use(*it->second);
      return true;
    }
    if (entries_.size() == entries_max_) Evict();
    EntryRef& entry = entries_[key];
    entry = Entry::Make(key, "", 0, kNever);
    order_.Reserve(entries_.size());
    queues_->Reserve(entries_.size());
    order_.Append(entry);
    queues_->Add(*entry, FingerprintOf(key));
    return false;
  }

  // Accesses one-letter keys; how many were missing.
  int Misses(std::string_view trace) {
    int misses = 0;
    for (const char key : trace) misses += Access(std::string(1, key)) ? 0 : 1;
    return misses;
  }

  std::string Held() const {
    std::string held;
    for (const auto& [key, entry] : entries_) held += key;
    return held;
  }

  EntryOrder order_;
  AgeingDuel ageing_;
  std::unique_ptr<EvictionQueues> queues_;
  std::map<std::string, EntryRef> entries_;
  size_t entries_max_ = 0;
};

// Belady's trace: of FIFO and LRU with three and four frames every textbook on
// operating systems has the faults, and counts them by hand.
TEST_F(EvictionQueuesTest, FaultsAsTheTextbooksHaveThem) {
  struct Row {
    EvictionPolicy policy;
    size_t frames;
    int faults;
  };
  for (const Row& row :
       {Row{EvictionPolicy::kFifo, 3, 9}, Row{EvictionPolicy::kFifo, 4, 10},
        Row{EvictionPolicy::kLru, 3, 10}, Row{EvictionPolicy::kLru, 4, 8}}) {
    while (!entries_.empty()) Leave(entries_.begin()->first);
    Use(row.policy, row.frames);
    EXPECT_EQ(Misses("123412512345"), row.faults) << row.frames;
  }
}

// Silberschatz: 7 0 1 2 0 3 0 4 2 3 0 3 2 1 2 0 1 7 0 1 with three frames.
TEST_F(EvictionQueuesTest, FaultsOfAnotherTextbook) {
  Use(EvictionPolicy::kFifo, 3);
  EXPECT_EQ(Misses("70120304230321201701"), 15);
  while (!entries_.empty()) Leave(entries_.begin()->first);
  Use(EvictionPolicy::kLru, 3);
  EXPECT_EQ(Misses("70120304230321201701"), 12);
}

// Ten entries, so the small queue has one of them.  By hand:
//   a ... j fill the small queue; a and b are read twice each.
//   k: a goes to main, then b, and c leaves: its ghost stays.
//   c comes back: d leaves, and c goes to main at once.
TEST_F(EvictionQueuesTest, S3FifoOnATraceByHand) {
  Use(EvictionPolicy::kS3Fifo, 10);
  EXPECT_EQ(Misses("abcdefghij"), 10);
  EXPECT_EQ(Misses("aabb"), 0);
  EXPECT_EQ(Misses("k"), 1);
  EXPECT_EQ(Held(), "abdefghijk");
  EXPECT_EQ(Misses("c"), 1);
  EXPECT_EQ(Held(), "abcefghijk");
  // New ones drive out what is in the small queue, until it is a tenth.
  EXPECT_EQ(Misses("0123456"), 7);
  EXPECT_EQ(Held(), "0123456abc");
  // What was read once only in the small queue leaves all the same.
  EXPECT_EQ(Misses("0"), 0);
  EXPECT_EQ(Misses("7"), 1);
  EXPECT_EQ(Held(), "1234567abc");
}

TEST_F(EvictionQueuesTest, AUsedEntryOfTheMainQueueGoesRoundAgain) {
  Use(EvictionPolicy::kS3Fifo, 3);
  Misses("abc");
  Misses("aabbcc");
  // All go to main, where nothing is used yet: a leaves.
  Misses("d");
  EXPECT_EQ(Held(), "bcd");
  // b is used in main: d is the small queue and more than its tenth, so make
  // it leave first; then c, which was not used, goes before b.
  Misses("b");
  EXPECT_EQ(Evict(), "d");
  EXPECT_EQ(Evict(), "c");
  EXPECT_EQ(Evict(), "b");
  EXPECT_EQ(Evict(), "");
}

TEST_F(EvictionQueuesTest, UsesAreCountedUpToThree) {
  Use(EvictionPolicy::kS3Fifo, 10);
  Access("a");
  for (int uses = 1; uses < 10; ++uses) {
    Access("a");
    EXPECT_EQ(entries_.at("a")->uses(), std::min(uses, 3));
  }
}

TEST_F(EvictionQueuesTest, NoMoreThanSixteenAreMovedForOneThatLeaves) {
  Use(EvictionPolicy::kS3Fifo, 100);
  for (int i = 0; i < 100; ++i) Access(std::to_string(100 + i));
  for (int i = 0; i < 100; ++i) Access(std::to_string(100 + i));
  for (int i = 0; i < 100; ++i) Access(std::to_string(100 + i));
  // All were used twice; after sixteen the next leaves all the same.
  EXPECT_EQ(Evict(), "116");
}

// Ten entries of one size, of which the small queue has one.
class TinyLfuTest : public EvictionQueuesTest {
 protected:
  // a ... i are in the main queue, used twice each, and k in the small one.
  void SetUp() override {
    Use(EvictionPolicy::kTinyLfu, 10);
    Misses("abcdefghij");
    Misses("abcdefghi");
    Misses("k");
    EXPECT_EQ(Held(), "abcdefghik");
  }

  int UsesOf(const std::string& key) { return entries_.at(key)->uses() & 15; }

  // Lets so many keys come that are used once.
  void Pass(int count) {
    for (int i = 0; i < count; ++i) Access("once" + std::to_string(next_++));
  }

  int next_ = 0;
};

TEST_F(TinyLfuTest, OnlyWhatWasUsedMoreOftenGoesToTheMainQueue) {
  // Used as often as those of the main queue: k leaves.
  EXPECT_EQ(Misses("kl"), 1);
  EXPECT_EQ(Held(), "abcdefghil");
  // It is known when it comes back.  Sixteen were looked at before, which were
  // all, and a ... g again, so h is the one to leave for it.
  Misses("k");
  EXPECT_EQ(UsesOf("k"), 3);
  Misses("m");
  EXPECT_EQ(Held(), "abcdefgikm");
  // Now it is in the main queue.
  Pass(100);
  EXPECT_EQ(Held().substr(0, 9), "abcdefgik");
}

TEST_F(TinyLfuTest, CountsAreHalvedOnceManyHaveLeft) {
  Misses("aaaaa");
  EXPECT_EQ(UsesOf("a"), 7);
  // One has left before, and two will.
  Pass(16 * 10 - 3);
  Misses("zz");
  Pass(1);
  // The last to leave found z used twice and all others as often or more: so it
  // was z.  From now on all counts are half.
  EXPECT_EQ(Held().substr(0, 9), "abcdefghi");
  Misses("yy");
  Pass(1);
  // y, used twice, comes upon h, whose count is 1 now.
  EXPECT_EQ(Held().substr(0, 8), "abcdefgi");
  EXPECT_TRUE(Held().ends_with("y"));
  // z is remembered with 1.
  Misses("z");
  EXPECT_EQ(UsesOf("z"), 2);
}

TEST_F(TinyLfuTest, CountsAreHalvedSoonerWhereThatIsBetter) {
  for (int i = 0; i < 100; ++i) {
    ageing_.CountMiss(AgeingDuel::Role::kRemembersLong);
  }
  Pass(2 * 10 - 1);
  Misses("yy");
  Pass(1);
  EXPECT_EQ(Held().substr(0, 8), "bcdefghi");
}

TEST_F(TinyLfuTest, UsesAreCountedUpToFifteen) {
  for (int i = 0; i < 30; ++i) Access("k");
  EXPECT_EQ(UsesOf("k"), 15);
}

TEST_F(TinyLfuTest, TheMainQueueIsShortenedWhereTheSmallOneIsEmpty) {
  Leave("k");
  Access("a");
  // The least used of the next few.
  EXPECT_EQ(Evict(), "b");
}

TEST(AgeingDuelTest, FollowsThoseThatMissLess) {
  using enum AgeingDuel::Role;
  AgeingDuel duel;
  EXPECT_TRUE(duel.RemembersLong(kFollows));
  // Both alike: long.
  for (int i = 0; i < 1000; ++i) {
    duel.CountMiss(kRemembersLong);
    duel.CountMiss(kRemembersShortly);
  }
  EXPECT_TRUE(duel.RemembersLong(kFollows));
  for (int i = 0; i < 100; ++i) duel.CountMiss(kRemembersLong);
  EXPECT_FALSE(duel.RemembersLong(kFollows));
  EXPECT_TRUE(duel.RemembersLong(kRemembersLong));
  EXPECT_FALSE(duel.RemembersLong(kRemembersShortly));
}

TEST(AgeingDuelTest, FollowsAgainHoweverLongItWasOtherwise) {
  using enum AgeingDuel::Role;
  AgeingDuel duel;
  for (int i = 0; i < 1'000'000; ++i) duel.CountMiss(kRemembersShortly);
  for (int i = 0; i < 5'000; ++i) duel.CountMiss(kRemembersLong);
  EXPECT_FALSE(duel.RemembersLong(kFollows));
}

TEST(AgeingDuelTest, OnlyFewKeepToTheWrongLengthOnceItIsSure) {
  using enum AgeingDuel::Role;
  std::map<AgeingDuel::Role, int> roles;
  for (size_t i = 0; i < kShardCount; ++i) {
    ++roles[AgeingDuel::RoleOf(static_cast<ShardIndex>(i))];
  }
  EXPECT_EQ(roles[kRemembersShortly], 8);
  EXPECT_EQ(roles[kRemembersLong], 8);
  EXPECT_EQ(roles[kTriesShortly], 24);
  EXPECT_EQ(roles[kTriesLong], 24);

  AgeingDuel duel;
  EXPECT_FALSE(duel.RemembersLong(kTriesShortly));
  EXPECT_TRUE(duel.RemembersLong(kTriesLong));
  // Their misses count until it is sure.
  for (int i = 0; i < 600; ++i) {
    duel.CountMiss(kTriesShortly);
    duel.CountMiss(kRemembersShortly);
  }
  EXPECT_TRUE(duel.RemembersLong(kTriesShortly));
  EXPECT_FALSE(duel.RemembersLong(kRemembersShortly));
  for (int i = 0; i < 10'000; ++i) duel.CountMiss(kTriesLong);
  EXPECT_TRUE(duel.RemembersLong(kTriesShortly));
  // Those that never follow tell when it is not so any more.
  for (int i = 0; i < 1'000; ++i) duel.CountMiss(kRemembersLong);
  EXPECT_FALSE(duel.RemembersLong(kTriesShortly));
  EXPECT_TRUE(duel.RemembersLong(kFollows));
  for (int i = 0; i < 600; ++i) {
    duel.CountMiss(kTriesLong);
    duel.CountMiss(kRemembersLong);
  }
  EXPECT_FALSE(duel.RemembersLong(kFollows));
}

TEST_F(EvictionQueuesTest, WhatIsKeptDoesNotLeave) {
  for (const EvictionPolicy policy :
       {EvictionPolicy::kTinyLfu, EvictionPolicy::kS3Fifo, EvictionPolicy::kLru,
        EvictionPolicy::kFifo}) {
    while (!entries_.empty()) Leave(entries_.begin()->first);
    Use(policy, 3);
    Misses("abc");
    EXPECT_EQ(Next({"a", "b"}), "c");
    EXPECT_EQ(Next({"a", "b", "c"}), "");
    EXPECT_EQ(Next({"b"}), "a");
  }
}

TEST_F(EvictionQueuesTest, WithoutEvictionNobodyLeaves) {
  Use(EvictionPolicy::kNone, 3);
  Misses("abc");
  EXPECT_EQ(Next(), "");
  EXPECT_EQ(queues_->bytes(), 3 * Entry::BytesOf(1, 0, false));
  Leave("b");
  EXPECT_EQ(queues_->bytes(), 2 * Entry::BytesOf(1, 0, false));
}

TEST_F(EvictionQueuesTest, ADeletionAnywhereLeavesTheOthersInTheirOrder) {
  Use(EvictionPolicy::kFifo, 10);
  Misses("abcdefghij");
  for (const char* key : {"a", "e", "j", "f"}) Leave(key);
  std::string left;
  while (!entries_.empty()) left += Evict();
  EXPECT_EQ(left, "bcdghi");
  EXPECT_EQ(queues_->bytes(), 0u);
}

TEST(FrequencyTableTest, TellsACountOnce) {
  FrequencyTable table;
  EXPECT_EQ(table.Take(1), 0u);
  table.Resize(4);
  table.Add(1, 5);
  table.Add(2, 100);
  table.Add(3, 0);
  EXPECT_EQ(table.Take(1), 5u);
  EXPECT_EQ(table.Take(1), 0u);
  EXPECT_EQ(table.Take(2), FrequencyTable::kCountMax);
  EXPECT_EQ(table.Take(3), 0u);
}

TEST(FrequencyTableTest, ForgetsTheLeastUsedAndOfThoseTheOldest) {
  FrequencyTable table;
  table.Resize(1);
  table.Add(1, 2);
  for (uint32_t i = 2; i <= 100; ++i) table.Add(i, 1);
  EXPECT_EQ(table.Take(1), 2u);
  // Thirty others have room beside it.
  EXPECT_EQ(table.Take(70), 0u);
  for (uint32_t i = 71; i <= 100; ++i) EXPECT_EQ(table.Take(i), 1u) << i;
}

TEST(FrequencyTableTest, HalvesWhenItIsTold) {
  FrequencyTable table;
  table.Resize(1);
  table.Add(1, 15);
  table.Add(2, 1);
  table.Age();
  table.Add(3, 4);
  table.Age();
  EXPECT_EQ(table.Take(1), 3u);
  EXPECT_EQ(table.Take(2), 0u);
  EXPECT_EQ(table.Take(3), 2u);
}

TEST(GhostTableTest, RemembersTheLastOnesOnce) {
  GhostTable ghosts;
  EXPECT_FALSE(ghosts.Take(1, 10));
  ghosts.Resize(8);
  for (uint32_t i = 1; i <= 8; ++i) ghosts.Add(i);
  EXPECT_FALSE(ghosts.Take(2, 6));
  EXPECT_TRUE(ghosts.Take(3, 6));
  EXPECT_FALSE(ghosts.Take(3, 6));
  EXPECT_FALSE(ghosts.Take(9, 6));
  // A ninth takes the place that 3 left.
  ghosts.Add(9);
  EXPECT_TRUE(ghosts.Take(1, 9));
  EXPECT_TRUE(ghosts.Take(9, 9));
}

TEST(GhostTableTest, KeepsThemWhenItGrows) {
  GhostTable ghosts;
  ghosts.Resize(8);
  for (uint32_t i = 1; i <= 5; ++i) ghosts.Add(i);
  ghosts.Resize(256);
  for (uint32_t i = 1; i <= 5; ++i) EXPECT_TRUE(ghosts.Take(i, 5)) << i;
  EXPECT_FALSE(ghosts.Take(0, 256));
}

}  // namespace
}  // namespace latchkey
