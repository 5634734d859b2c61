// Snapshot scans: whatever happens while one runs, it shows the moment of its
// beginning.

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/server/store/scan_fixture.h"
#include "tests/support/seeded_random.h"

namespace latchkey {
namespace {

// Shards in the order in which a scan visits them; the middle one takes two
// slices.
constexpr ShardIndex kFirst = 3;
constexpr ShardIndex kMiddle = 90;
constexpr ShardIndex kLast = 200;
constexpr size_t kMiddleKeys = Scanner::kSliceEntriesMax + 20;

class SnapshotTest : public ScanTest {
 protected:
  using ScanTest::ScanTest;

  // Counters that expire in an hour, in three shards.
  void Fill() {
    first_ = KeysIn(kFirst, 3);
    middle_ = KeysIn(kMiddle, kMiddleKeys);
    last_ = KeysIn(kLast, 3);
    for (const auto& list : {first_, middle_, last_}) {
      for (const std::string& key : list) {
        PutWithFlags(key, "7", 5, Ttl(kHour));
        keys_.push_back(key);
      }
    }
  }

  // As Fill(), with the same keys: the order is that of the first time.
  void Refill() {
    for (const std::string& key : keys_) Delete(key);
    Delete("elsewhere");
    Delete("new");
    for (const std::string& key : keys_) {
      PutWithFlags(key, "7", 5, Ttl(kHour));
    }
  }

  // A scan that has sent the first shard and read one slice of the second.
  RunningScan HalfWay() {
    RunningScan scan = Snapshot();
    for (size_t i = 0; i < first_.size() + 1; ++i) scan.Next();
    return scan;
  }

  static constexpr Nanos kHour = 3'600 * kNanosPerSecond;

  std::vector<std::string> first_;
  std::vector<std::string> middle_;
  std::vector<std::string> last_;
  std::vector<std::string> keys_;
};

TEST_F(SnapshotTest, AnEmptyStoreIsOnePage) {
  RunningScan scan = Snapshot();
  EXPECT_TRUE(scan.Next().empty());
  EXPECT_TRUE(scan.at_end());
  EXPECT_EQ(scan.version(), store().last_version());
}

TEST_F(SnapshotTest, ShowsEveryEntryOnce) {
  Fill();
  const Seen held = Held(keys_);
  for (const size_t page : {1, 7, 64, 1000}) {
    RunningScan scan = Snapshot(page);
    EXPECT_EQ(scan.Rest(), held);
    EXPECT_EQ(scan.version(), store().last_version());
  }
}

// Every kind of change, at every place where a scan can be.
class WriterTest : public SnapshotTest,
                   public ::testing::WithParamInterface<int> {
 public:
  static const std::vector<const char*>& Names() {
    static const auto* names = new std::vector<const char*>{
        "Put",      "PutTwice",     "Delete",      "DeleteAndPut",
        "MoveAway", "MoveOnto",     "Touch",       "TouchTwice",
        "TouchPut", "TouchDelete",  "Increment",   "Transfer",
        "Batch",    "Transaction",  "GetAndTouch", "FailedTransaction",
        "Sweep",    "TouchAndSweep"};
    return *names;
  }

 protected:
  // Changes `key`, and `other` where the change is of two.
  void Write(std::string_view name, const std::string& key,
             const std::string& other) {
    if (name == "Put") {
      Put(key, "8");
    } else if (name == "PutTwice") {
      Put(key, "8");
      Put(key, "9");
    } else if (name == "Delete") {
      Delete(key);
    } else if (name == "DeleteAndPut") {
      Delete(key);
      Put(key, "8");
    } else if (name == "MoveAway") {
      Move(key, "elsewhere");
    } else if (name == "MoveOnto") {
      ASSERT_TRUE(Do(MoveOperation{.source_key = other,
                                   .destination_key = key,
                                   .overwrite = true})
                      .ok());
    } else if (name == "Touch") {
      Touch(key, Never());
    } else if (name == "TouchTwice") {
      Touch(key, Never());
      Touch(key, Ttl(1_ms));
    } else if (name == "TouchPut") {
      Touch(key, Never());
      Put(key, "8");
    } else if (name == "TouchDelete") {
      Touch(key, Never());
      Delete(key);
    } else if (name == "Increment") {
      Increment(key, 1);
    } else if (name == "Transfer") {
      Transfer(key, other, 1);
    } else if (name == "Batch") {
      ASSERT_TRUE(Batch("puts", {PutOperation{.key = key, .value = "8"},
                                 PutOperation{.key = other, .value = "9"},
                                 PutOperation{.key = "new", .value = "1"}})
                      .ok());
    } else if (name == "Transaction") {
      ASSERT_TRUE(Transact({DeleteOperation{.key = key},
                            PutOperation{.key = other, .value = "8"},
                            TouchOperation{.key = other}})
                      .ok());
    } else if (name == "GetAndTouch") {
      ASSERT_TRUE(Do(GetOperation{.key = key, .touch = Never()}).ok());
    } else if (name == "FailedTransaction") {
      ASSERT_FALSE(Transact({DeleteOperation{.key = key},
                             MoveOperation{.source_key = "missing",
                                           .destination_key = other}})
                       .ok());
    } else if (name == "Sweep") {
      Advance(kHour);
      EXPECT_GT(store().SweepExpired(1000), 0u);
    } else if (name == "TouchAndSweep") {
      Touch(key, Ttl(1_ms));
      Advance(1_ms);
      EXPECT_EQ(store().SweepExpired(1000), 1u);
    } else {
      FAIL() << name;
    }
  }
};

TEST_P(WriterTest, LeavesTheCutAsItWas) {
  const char* const name = Names()[static_cast<size_t>(GetParam())];
  SCOPED_TRACE(name);
  Fill();
  // Sent; read and kept; in the shard that is read, and not yet; in a shard to
  // come.
  const std::vector<std::string> places = {first_[1],
                                           middle_[kMiddleKeys - 1],
                                           middle_[kMiddleKeys - 5],
                                           middle_[1],
                                           middle_[0],
                                           last_[1]};
  for (const std::string& key : places) {
    for (const std::string& other : places) {
      if (key == other) continue;
      SCOPED_TRACE(key + " and " + other);
      Refill();
      const Seen held = Held(keys_);
      RunningScan scan = HalfWay();
      ASSERT_NO_FATAL_FAILURE(Write(name, key, other));
      EXPECT_EQ(scan.Rest(), held);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, WriterTest,
    ::testing::Range(0, static_cast<int>(WriterTest::Names().size())),
    [](const auto& param) {
      return WriterTest::Names()[static_cast<size_t>(param.param)];
    });

// Everything is changed before the first page, and between any two.
TEST_F(SnapshotTest, AllOfItMayChangeAllTheTime) {
  Fill();
  const Seen held = Held(keys_);
  RunningScan scan = Snapshot();
  int round = 0;
  while (!scan.at_end()) {
    for (const std::string& key : keys_) Put(key, std::to_string(round));
    ++round;
    scan.Next();
  }
  EXPECT_EQ(scan.seen(), held);
}

TEST_F(SnapshotTest, TablesMayGrowAndShrink) {
  Fill();
  const Seen held = Held(keys_);
  RunningScan scan = HalfWay();
  std::vector<std::string> added;
  for (const ShardIndex shard : {kFirst, kMiddle, kLast}) {
    for (const std::string& key : KeysIn(shard, 300)) added.push_back(key);
  }
  for (const std::string& key : added) Put(key, "new");
  scan.Next();
  for (const std::string& key : added) Delete(key);
  scan.Next();
  for (const std::string& key : keys_) Delete(key);
  EXPECT_EQ(scan.Rest(), held);
  EXPECT_EQ(store().EntryCount(), 0u);
}

TEST_F(SnapshotTest, SeveralAtATimeShowTheirOwnMoments) {
  Fill();
  std::vector<RunningScan> scans;
  std::vector<Seen> expected;
  for (int round = 0; round < 5; ++round) {
    expected.push_back(Held(keys_));
    scans.push_back(HalfWay());
    Delete(keys_[static_cast<size_t>(round) * 2]);
    Put(middle_[static_cast<size_t>(round) * 3], "next");
    Touch(middle_[static_cast<size_t>(round) * 3 + 1], Never());
    Put(last_[1], std::to_string(round));
  }
  for (size_t i = 0; i < scans.size(); ++i) {
    EXPECT_EQ(scans[i].Rest(), expected[i]) << i;
  }
}

TEST_F(SnapshotTest, WhatHadExpiredAtTheCutIsNotSeen) {
  Fill();
  for (const std::string& key : {first_[0], middle_[0], last_[0]}) {
    Put(key, "short", Ttl(5_ms));
  }
  const std::vector<std::string> alive_later = {middle_[1], last_[1]};
  for (const std::string& key : alive_later) Put(key, "short", Ttl(6_ms));
  Advance(5_ms);
  const Seen held = Held(keys_);
  EXPECT_EQ(held.size(), keys_.size() - 3);
  RunningScan scan = HalfWay();
  Advance(1_ms);
  EXPECT_EQ(store().SweepExpired(1000), 5u);
  Put(last_[0], "again");
  EXPECT_EQ(scan.Rest(), held);
}

TEST_F(SnapshotTest, OnlyThePrefixIsSeen) {
  Put("a:1", "1");
  Put("a:2", "2");
  Put("b:1", "3");
  RunningScan scan = Snapshot(10, "a:");
  Put("a:1", "x");
  Delete("a:2");
  Delete("b:1");
  Put("a:3", "4");
  const Seen seen = scan.Rest();
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_TRUE(seen.begin()->starts_with("a:1=1 "));
  EXPECT_TRUE(seen.rbegin()->starts_with("a:2=2 "));
}

// A clock that lets something happen while it is read.
class HookClock final : public Clock {
 public:
  UnixNanos Now() const override {
    if (hook_ != nullptr) std::exchange(hook_, nullptr)();
    return now_;
  }
  void AtNextReading(std::function<void()> hook) { hook_ = std::move(hook); }

 private:
  mutable std::function<void()> hook_;
  UnixNanos now_ = 1'700'000'000 * kNanosPerSecond;
};

// The scan reads its clock when its cut is made: what is committed just then
// is not of the cut, and has left images.
TEST(SnapshotCutTest, IsMadeBeforeTheClockIsRead) {
  HookClock clock;
  SeededRandom random(1);
  Store store({}, clock, random);
  const DeadlineSource endless(kNever);
  const auto put = [&](std::string_view key, std::string_view value) {
    const Operation operation = PutOperation{.key = key, .value = value};
    ASSERT_TRUE(
        store.Write({.on_success = {&operation, 1}}, endless.token()).ok());
  };
  put("a", "old");
  put("b", "old");
  clock.AtNextReading([&] {
    put("a", "new");
    put("c", "new");
  });
  auto scan = store.scanner().Start({.snapshot = true});
  ASSERT_TRUE(scan.ok());
  put("b", "new");
  const absl::StatusOr<ScanPage> page = (*scan)->Next(endless.token());
  ASSERT_TRUE(page.ok());
  EXPECT_TRUE(page->resume_token.empty());
  ASSERT_EQ(page->entries.size(), 2u);
  for (const EntryView& view : page->entries) {
    EXPECT_EQ(view.entry->value(), "old") << view.entry->key();
    EXPECT_LE(view.entry->version(), page->snapshot_version);
  }
}

// The snapshot may be lost between two slices of one page.
TEST(SnapshotCutTest, ALossWithinAPageIsSeen) {
  HookClock clock;
  SeededRandom random(1);
  Store store({.snapshot_bytes_max = 0}, clock, random);
  const DeadlineSource endless(kNever);
  const auto put = [&](std::string_view key, std::string_view value) {
    const Operation operation = PutOperation{.key = key, .value = value};
    ASSERT_TRUE(
        store.Write({.on_success = {&operation, 1}}, endless.token()).ok());
  };
  put("a", "old");
  auto scan = store.scanner().Start({.snapshot = true});
  ASSERT_TRUE(scan.ok());
  clock.AtNextReading([&] { put("a", "new"); });
  ExpectError((*scan)->Next(endless.token()), absl::StatusCode::kOutOfRange,
              ErrorReason::kScanExpired);
}

TEST(SnapshotCutsTest, ACutIsConcernedByLaterCommitsToWhatItHolds) {
  HookClock clock;
  CommitSequence commits = 100;
  MemoryBudget memory;
  SnapshotCuts cuts(commits, 1'000'000, memory);
  EXPECT_EQ(cuts.Begin(2, "k", clock).version(), 100u);
  EXPECT_EQ(cuts.registered(), 4u);
  const EntryRef held = Entry::Make("key", "v", 0, kNever);
  held->set_version(100);
  EXPECT_TRUE(cuts.Concerns(2, *held, 101));
  EXPECT_TRUE(cuts.Concerns(2, *held, kAfterAllCommits));
  EXPECT_FALSE(cuts.Concerns(2, *held, 100)) << "100 is of the cut";
  const EntryRef later = Entry::Make("key", "v", 0, kNever);
  later->set_version(101);
  EXPECT_FALSE(cuts.Concerns(2, *later, 102)) << "the cut never had it";
  const EntryRef other = Entry::Make("other", "v", 0, kNever);
  EXPECT_FALSE(cuts.Concerns(2, *other, 101)) << "has not the prefix";
  cuts.End(2);
  EXPECT_EQ(cuts.registered(), 0u);
}

// A scan and a commit at the same time, again and again: the commit sees the
// scan, or is of its cut.
TEST(SnapshotCutsTest, ACommitThatSeesNoScanIsOfItsCut) {
  constexpr int kRounds = 20'000;
  const HookClock clock;
  CommitSequence commits = 100;
  MemoryBudget memory;
  SnapshotCuts cuts(commits, 1'000'000, memory);
  // Both are let go at once, and wait for each other.
  std::atomic<int> round = 0;
  std::atomic<int> ready = 0;
  uint64_t version = 0;
  bool seen = false;
  const auto wait_for = [](const std::atomic<int>& word, int value) {
    for (int i = 0; word.load() < value; ++i) {
      if (i > 1'000) std::this_thread::yield();
    }
  };
  std::jthread writer([&] {
    for (int i = 1; i <= kRounds; ++i) {
      wait_for(round, i);
      version = commits.fetch_add(1) + 1;
      seen = cuts.registered() != 0;
      ready = i;
    }
  });
  for (int i = 1; i <= kRounds; ++i) {
    round = i;
    // A moment more or less, so that all meetings happen.
    for (int pause = 0; pause < i % 64; ++pause) {
      // So that the compiler leaves the loop in.
      std::atomic_signal_fence(std::memory_order_seq_cst);
    }
    const uint64_t cut = cuts.Begin(0, "", clock).version();
    wait_for(ready, i);
    EXPECT_TRUE(seen || version <= cut) << "round " << i;
    cuts.End(0);
  }
}

}  // namespace
}  // namespace latchkey
