// The memory limit: it holds after every step, whatever happens; what is there
// is right; and what does not fit is refused whole.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/server/store/scan_fixture.h"

namespace latchkey {
namespace {

using enum absl::StatusCode;

std::string NameOf(EvictionPolicy policy) {
  switch (policy) {
    case EvictionPolicy::kTinyLfu:
      return "TinyLfu";
    case EvictionPolicy::kS3Fifo:
      return "S3Fifo";
    case EvictionPolicy::kLru:
      return "Lru";
    case EvictionPolicy::kFifo:
      return "Fifo";
    case EvictionPolicy::kNone:
      return "None";
  }
  return "";
}

class MemoryTest : public ScanTest {
 protected:
  explicit MemoryTest(size_t bytes_max = 400'000,
                      EvictionPolicy policy = EvictionPolicy::kTinyLfu)
      : ScanTest({.memory_bytes_max = bytes_max, .eviction = policy}) {}

  size_t used() { return store().memory().used(); }

  // Everything that is held by shards and ledger; nothing else holds any.
  size_t HeldBytes() {
    const ShardCounters counters = store().Counters();
    return counters.entry_bytes + counters.structure_bytes() +
           store().ledger_budget().bytes();
  }

  void ExpectBound() {
    EXPECT_LE(used(), store().memory().bytes_max());
    EXPECT_EQ(used(), HeldBytes());
  }

  IdempotentAnswer WriteOnce(const Operation& operation, std::string_view id) {
    return store().WriteOnce({.on_success = {&operation, 1}},
                             {.scope = {.principal = {}, .key = id},
                              .fingerprint = store().FingerprintOf(id)},
                             token());
  }
};

class RefusalTest : public MemoryTest {
 protected:
  RefusalTest() : MemoryTest(400'000, EvictionPolicy::kNone) {}

  // Puts until nothing more fits; how many did.
  int Fill(size_t value_bytes = 1000) {
    const std::string value(value_bytes, 'v');
    for (int i = 0;; ++i) {
      const WriteResult written =
          Do(PutOperation{.key = "fill" + std::to_string(i), .value = value});
      if (written.ok()) continue;
      ExpectError(written, kResourceExhausted, ErrorReason::kOutOfMemory);
      EXPECT_EQ(MetadataOf(written.status(), "applied"), "no");
      return i;
    }
  }
};

TEST_F(RefusalTest, OfWhatDoesNotFitLeavesNoTrace) {
  const int filled = Fill();
  EXPECT_GT(filled, 50);
  const std::string large(2000, 'w');
  for (int i = 0; i < 3; ++i) {
    const absl::Status status = ExpectNoTrace([&] {
      return Batch("puts", {PutOperation{.key = "fill0", .value = large},
                            PutOperation{.key = "new", .value = large}});
    });
    ExpectError(status, kResourceExhausted, ErrorReason::kOutOfMemory);
    ExpectBound();
  }
  ExpectValue("fill0", std::string(1000, 'v'));
  EXPECT_EQ(store().Counters().evicted, 0u);
  EXPECT_EQ(store().memory_refusals(), 4u);
}

TEST_F(RefusalTest, LeavesReadsAndDeletesAndWhatTheyFree) {
  const int filled = Fill();
  for (int i = 0; i < filled; ++i) {
    ExpectValue("fill" + std::to_string(i), std::string(1000, 'v'));
  }
  Delete("fill0");
  Put("fill0", std::string(1000, 'w'));
  ExpectBound();
  for (int i = 0; i < filled; ++i) Delete("fill" + std::to_string(i));
  EXPECT_EQ(Fill(), filled);
  ExpectBound();
}

TEST_F(RefusalTest, IsOfMovesAndCountersToo) {
  Put("large", std::string(150'000, 'v'));
  Put("other", std::string(100'000, 'v'));
  ExpectError(
      Do(MoveOperation{.source_key = "large", .destination_key = "elsewhere"}),
      kResourceExhausted, ErrorReason::kOutOfMemory);
  ExpectValue("large", std::string(150'000, 'v'));
  Delete("other");
  Move("large", "elsewhere");
  ExpectBound();
  Fill(1);
  ExpectError(Do(IncrementOperation{.key = "n", .initial = 1}),
              kResourceExhausted, ErrorReason::kOutOfMemory);
  ExpectMissing("n");
  ExpectBound();
}

TEST_F(RefusalTest, IsNotKeptAndNoReplayIsRefused) {
  const PutOperation put = {.key = "k", .value = "v"};
  EXPECT_TRUE(WriteOnce(put, "first").outcome.ok());
  Fill(1);
  const IdempotentAnswer replay = WriteOnce(put, "first");
  EXPECT_TRUE(replay.replayed);
  EXPECT_TRUE(replay.outcome.ok());
  const std::string large(100'000, 'v');
  const PutOperation other = {.key = "l", .value = large};
  ExpectError(WriteOnce(other, "second").outcome, kResourceExhausted,
              ErrorReason::kOutOfMemory);
  EXPECT_EQ(store().ledger_budget().records(), 1u);
  ExpectBound();
  for (int i = 0; i < 5000; ++i) Delete("fill" + std::to_string(i));
  const IdempotentAnswer second = WriteOnce(other, "second");
  EXPECT_FALSE(second.replayed);
  EXPECT_TRUE(second.outcome.ok()) << second.outcome.status();
  ExpectBound();
}

TEST_F(RefusalTest, OfAFenceThatFindsNoRoom) {
  Fill(1);
  // Less than a tombstone is left.
  while (
      Do(PutOperation{.key = "fill0", .value = std::string(40, 'v')}).ok() &&
      Do(PutOperation{.key = "x" + std::to_string(used()), .value = ""}).ok()) {
  }
  const IdempotencyScope scope = {.principal = {}, .key = "key"};
  EXPECT_TRUE(store().GetOutcome({.scope = scope}, token()).ok());
  ExpectBound();
}

TEST_F(MemoryTest, CountsToTheByteAndBackToNothing) {
  const size_t empty = used();
  EXPECT_EQ(empty, 0u);
  Put("k", "v", Ttl(10_ms));
  ExpectBound();
  const size_t one = used();
  Put("k", std::string(1000, 'v'), Ttl(10_ms));
  EXPECT_EQ(used(),
            one + Entry::BytesOf(1, 1000, false) - Entry::BytesOf(1, 1, false));
  Delete("k");
  EXPECT_EQ(used(), one - Entry::BytesOf(1, 1, false));
  ExpectBound();
}

TEST_F(MemoryTest, CountsWhatAReaderStillHolds) {
  Put("k", std::string(1000, 'v'));
  EntryView reading = Look("k");
  Delete("k");
  EXPECT_EQ(used(), HeldBytes() + Entry::BytesOf(1, 1000, false));
  reading = {};
  ExpectBound();
}

TEST_F(MemoryTest, EvictsWhereItIsFull) {
  const std::string value(1000, 'v');
  for (int i = 0; i < 2000; ++i) {
    Put("k" + std::to_string(i), value);
    ExpectBound();
  }
  const ShardCounters counters = store().Counters();
  EXPECT_EQ(counters.evicted, 2000 - counters.entries);
  EXPECT_GT(counters.entries, 50u);
  // The last is never the one that leaves.
  ExpectValue("k1999", value);
}

TEST_F(MemoryTest, AnOperationNeverEvictsTheKeysItWorksOn) {
  const std::string large(150'000, 'v');
  Put("a", large);
  Put("b", large);
  const WriteResult written = Transact(
      {GetOperation{.key = "a"}, PutOperation{.key = "c", .value = large}});
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_TRUE(ResultOf<GetResult>(written).found.entry);
  ExpectMissing("b");
  // Both are in the way and neither may leave.
  ExpectError(Transact({GetOperation{.key = "a"}, GetOperation{.key = "c"},
                        PutOperation{.key = "d", .value = large}}),
              kResourceExhausted, ErrorReason::kOutOfMemory);
  ExpectValue("a", large);
  ExpectValue("c", large);
}

TEST_F(MemoryTest, ARecordIsNeverEvicted) {
  const std::string value(500, 'v');
  for (int i = 0; i < 100; ++i) {
    const std::string id = "id" + std::to_string(i);
    const IdempotentAnswer answer =
        WriteOnce(PutOperation{.key = id, .value = value}, id);
    EXPECT_TRUE(answer.outcome.ok()) << answer.outcome.status();
  }
  for (int i = 0; i < 1000; ++i) Put("k" + std::to_string(i), value);
  for (int i = 0; i < 100; ++i) {
    const std::string id = "id" + std::to_string(i);
    EXPECT_TRUE(
        WriteOnce(PutOperation{.key = id, .value = value}, id).replayed);
  }
  ExpectBound();
}

TEST_F(MemoryTest, WhatHasExpiredLeavesFirst) {
  const std::string value(1000, 'v');
  const std::vector<std::string> keys = KeysIn(7, 1000);
  Put(keys[0], value);
  for (int i = 1; i < 20; ++i) Put(keys[i], value, Ttl(10_ms));
  Advance(10_ms);
  size_t next = 20;
  while (store().Counters().expired == 0) {
    Put(keys[next++], value);
    ASSERT_EQ(store().Counters().evicted, 0u);
  }
  ExpectBound();
}

TEST_F(MemoryTest, ASnapshotSeesItsMomentWhateverIsEvicted) {
  std::vector<std::string> keys;
  for (int shard = 0; shard < 256; shard += 2) {
    keys.push_back(KeyIn(static_cast<ShardIndex>(shard)));
  }
  for (const std::string& key : keys) Put(key, std::string(500, 'v'));
  RunningScan scan = Snapshot(10);
  const Seen before = Held(keys);
  // What the scan has passed can leave.
  while (!scan.at_end()) {
    scan.Next();
    for (int i = 0; i < 50; ++i) {
      Put(absl::StrCat("new", scan.pages(), ".", i), std::string(500, 'w'));
      EXPECT_LE(used(), store().memory().bytes_max());
    }
  }
  EXPECT_GT(store().Counters().evicted, 0u);
  EXPECT_TRUE(scan.seen() == before);
}

TEST_F(MemoryTest, AWriteGoesBeforeASnapshotThatHoldsEverything) {
  for (int i = 0; i < 150; ++i) {
    Put("k" + std::to_string(i), std::string(500, 'v'));
  }
  RunningScan scan = Snapshot(1);
  Put("huge", std::string(250'000, 'w'));
  EXPECT_LE(used(), store().memory().bytes_max());
  ExpectError(scan.Try(), kOutOfRange, ErrorReason::kScanExpired);
}

// Random operations under a limit that is always reached, against what was last
// written.  An entry may be missing only if it was evicted, and then it is
// counted.
struct RandomRow {
  EvictionPolicy policy;
  uint64_t seed;
};

class RandomMemoryTest : public MemoryTest,
                         public ::testing::WithParamInterface<RandomRow> {
 protected:
  static constexpr size_t kKeys = 400;
  static constexpr int kSteps = 6000;

  struct Value {
    std::string value;
    UnixNanos expire_time;
  };

  RandomMemoryTest()
      : MemoryTest(150'000, GetParam().policy), random_(GetParam().seed) {
    for (const ShardIndex shard : {7, 8, 200, 255}) {
      for (std::string& key : KeysIn(shard, kKeys / 4)) {
        keys_.push_back(std::move(key));
      }
    }
  }

  uint64_t Below(uint64_t bound) { return random_() % bound; }
  const std::string& RandomKey() { return keys_[Below(kKeys)]; }

  void Expect(const WriteResult& written) {
    if (!written.ok()) {
      ExpectError(written, kResourceExhausted, ErrorReason::kOutOfMemory);
      ++refused_;
    }
  }

  void RandomPut(bool keyed) {
    const std::string key = RandomKey();
    const std::string value(Below(4) == 0 ? Below(8000) : Below(300),
                            static_cast<char>('a' + Below(26)));
    const bool expires = Below(3) == 0;
    const Nanos ttl = static_cast<Nanos>(1 + Below(100)) * 1_ms;
    const PutOperation put = {.key = key,
                              .value = value,
                              .expiration = expires ? Ttl(ttl) : Never(),
                              .return_previous = !keyed && Below(4) == 0};
    const WriteResult written =
        keyed ? WriteOnce(put, "id" + std::to_string(next_id_++)).outcome
              : Do(put);
    Expect(written);
    if (written.ok()) model_[key] = {value, expires ? Now() + ttl : kNever};
  }

  void RandomMove() {
    const std::string from = RandomKey();
    const std::string to = RandomKey();
    if (from == to) return;
    const WriteResult moved = Do(MoveOperation{
        .source_key = from, .destination_key = to, .overwrite = true});
    if (moved.ok()) {
      model_[to] = model_.at(from);
      model_.erase(from);
    } else if (moved.status().code() != kNotFound) {
      Expect(moved);
    }
  }

  void RandomBatch() {
    std::vector<std::string> keys;
    for (size_t i = 1 + Below(20); i > 0; --i) keys.push_back(RandomKey());
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    std::vector<Operation> puts;
    for (const std::string& key : keys) {
      puts.push_back(PutOperation{.key = key, .value = key});
    }
    const WriteResult written = store().Write(
        {.form = Transaction::Form::kBatch, .on_success = puts}, token());
    Expect(written);
    if (!written.ok()) return;
    for (const std::string& key : keys) model_[key] = {key, kNever};
  }

  void Step() {
    const std::string key = RandomKey();
    switch (Below(8)) {
      case 0:
        Delete(key);
        model_.erase(key);
        break;
      case 1:
        RandomMove();
        break;
      case 2:
        RandomBatch();
        break;
      case 3:
        Advance(static_cast<Nanos>(Below(5)) * 1_ms);
        if (Below(10) == 0) store().SweepExpired(Below(50));
        break;
      case 4:
        RandomPut(/*keyed=*/true);
        break;
      default:
        RandomPut(/*keyed=*/false);
    }
  }

  // All that is there is as it was written; what is missing was evicted.
  void CheckAll() {
    for (auto it = model_.begin(); it != model_.end();) {
      const auto& [key, value] = *it;
      const EntryView view = Look(key);
      if (view.entry) {
        ASSERT_EQ(view.entry->value(), value.value) << key;
        ASSERT_EQ(view.expire_time, value.expire_time) << key;
        ASSERT_GT(value.expire_time, Now()) << key;
        ++it;
      } else {
        if (value.expire_time > Now()) ++lost_;
        it = model_.erase(it);
      }
    }
    ASSERT_LE(lost_, store().Counters().evicted);
  }

  std::mt19937_64 random_;
  std::vector<std::string> keys_;
  std::map<std::string, Value> model_;
  int next_id_ = 0;
  uint64_t lost_ = 0;
  int refused_ = 0;
};

TEST_P(RandomMemoryTest, WhatIsThereIsRightAndTheBoundHolds) {
  for (int step = 0; step < kSteps && !HasFatalFailure(); ++step) {
    Step();
    ExpectBound();
    if (HasNonfatalFailure()) FAIL() << "step " << step;
    if (step % 50 == 0) CheckAll();
  }
  CheckAll();
  const ShardCounters counters = store().Counters();
  if (GetParam().policy == EvictionPolicy::kNone) {
    EXPECT_EQ(counters.evicted, 0u);
    EXPECT_EQ(lost_, 0u);
    EXPECT_GT(store().memory_refusals(), 100u);
  } else {
    EXPECT_GT(lost_, 100u);
    EXPECT_GT(counters.entries, 20u);
    EXPECT_EQ(refused_, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, RandomMemoryTest,
    ::testing::Values(RandomRow{EvictionPolicy::kTinyLfu, 6},
                      RandomRow{EvictionPolicy::kTinyLfu, 7},
                      RandomRow{EvictionPolicy::kS3Fifo, 1},
                      RandomRow{EvictionPolicy::kS3Fifo, 2},
                      RandomRow{EvictionPolicy::kLru, 3},
                      RandomRow{EvictionPolicy::kFifo, 4},
                      RandomRow{EvictionPolicy::kNone, 5}),
    [](const auto& row) {
      return NameOf(row.param.policy) + std::to_string(row.param.seed);
    });

// Threads at once, each with values that say their key.
TEST_F(MemoryTest, HoldsUnderManyThreads) {
  constexpr int kThreads = 4;
  constexpr int kStepsEach = 3000;
  const auto run = [this](int thread) {
    std::mt19937_64 random(static_cast<uint64_t>(thread) + 1);
    for (int step = 0; step < kStepsEach; ++step) {
      const std::string key = "k" + std::to_string(random() % 500);
      const std::string value = key + std::string(random() % 1500, 'v');
      if (random() % 3 == 0) {
        const auto got = store().Get({.key = key}, token());
        EXPECT_TRUE(got.ok());
        if (got->found.entry) {
          EXPECT_TRUE(got->found.entry->value().starts_with(key));
        }
      } else if (random() % 4 == 0) {
        Batch("puts", {PutOperation{.key = key, .value = value},
                       DeleteOperation{
                           .key = "k" + std::to_string(random() % 500) + "x"}})
            .IgnoreError();
      } else {
        Do(PutOperation{.key = key, .value = value}).IgnoreError();
      }
      // Ghosts that a shard is just growing, of each thread's.
      EXPECT_LE(used(), store().memory().bytes_max() + kThreads * 1024);
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back(run, thread);
    }
  }
  ExpectBound();
  EXPECT_GT(store().Counters().evicted, 100u);
}

}  // namespace
}  // namespace latchkey
