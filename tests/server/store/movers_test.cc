// Movers in both directions over the same few shards, transfers in circles, and
// readers who count: nothing is lost, doubled or seen on its way, and nobody
// waits for ever.  Bounded by a number of operations, not by time.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "server/store/shard.h"
#include "tests/server/store/store_fixture.h"
#include "tests/support/seeded_random.h"

namespace latchkey {
namespace {

constexpr int kShards = 3;
constexpr int kKeysPerShard = 3;
constexpr int kWriters = 3;
constexpr int kWritesPerWriter = 5'000;

class MoversTest : public StoreTest {
 protected:
  MoversTest() {
    FindKeys();
    views_.assign(keys_.begin(), keys_.end());
  }

  // Keys by brute force: kKeysPerShard in each of kShards shards, one shard
  // after the other in turn.  The store's hasher is drawn from the same seed.
  void FindKeys() {
    SeededRandom random(kSeed);
    const KeyHasher hasher(random);
    std::vector<std::string> found[kShards];
    for (int i = 0; keys_.empty(); ++i) {
      const std::string key = "k" + std::to_string(i);
      const ShardIndex shard = HashedKey{key, hasher.Hash(key)}.shard();
      if (shard < kShards) found[shard].push_back(key);
      bool enough = true;
      for (const auto& keys : found) enough &= keys.size() >= kKeysPerShard;
      if (!enough) continue;
      for (int turn = 0; turn < kKeysPerShard; ++turn) {
        for (const auto& keys : found) keys_.push_back(keys[turn]);
      }
    }
  }

  // The key `by` places further in the circle.
  std::string_view KeyAt(size_t place) { return keys_[place % keys_.size()]; }

  // Runs kWriters threads that each call `write` with a random number, and one
  // that calls `read` until they are done, and at least once.
  void Run(const std::function<void(uint64_t)>& write,
           const std::function<void()>& read) {
    std::atomic<int> writing = kWriters;
    std::vector<std::jthread> threads;
    for (int writer = 0; writer < kWriters; ++writer) {
      threads.emplace_back([&, writer] {
        std::mt19937_64 engine(static_cast<uint64_t>(writer));
        for (int i = 0; i < kWritesPerWriter; ++i) write(engine());
        --writing;
      });
    }
    do {
      read();
      ++reads_;
    } while (writing.load() > 0 && !HasFailure());
  }

  std::vector<std::string> keys_;
  std::vector<std::string_view> views_;
  std::atomic<int> done_ = 0;
  int reads_ = 0;
};

// Every third place of the circle holds a token at first.
TEST_F(MoversTest, NoTokenIsLostDoubledOrSeenOnItsWay) {
  std::string tokens;
  for (size_t place = 0; place < keys_.size(); place += 3) {
    const std::string token(1, static_cast<char>('A' + place));
    Put(keys_[place], token);
    tokens += token;
  }
  Run(
      [this](uint64_t draw) {
        // One or two places on or back, and by either form of a write.
        const size_t from = draw % keys_.size();
        const size_t by = (draw >> 8) % 2 == 0 ? 1 : keys_.size() - 2;
        const Operation move = MoveOperation{
            .source_key = KeyAt(from), .destination_key = KeyAt(from + by)};
        const WriteResult moved =
            (draw >> 9) % 2 == 0
                ? Do(move)
                : Transact({GetOperation{.key = KeyAt(from + 1)}, move});
        if (moved.ok()) ++done_;
      },
      [&, this] {
        const auto read = store().BatchGetAtomic(views_, token());
        ASSERT_TRUE(read.ok()) << read.status();
        std::string seen;
        for (const GetResult& result : read->results) {
          if (result.found.entry) seen += result.found.entry->value();
        }
        std::sort(seen.begin(), seen.end());
        ASSERT_EQ(seen, tokens);
      });
  EXPECT_EQ(store().EntryCount(), tokens.size());
  EXPECT_GT(done_, kWritesPerWriter / 10);
}

class TransfersTest : public MoversTest {
 protected:
  static constexpr int64_t kEach = 100;

  void SetUp() override {
    for (const std::string& key : keys_) Put(key, std::to_string(kEach));
  }

  static int64_t Number(std::string_view text) {
    int64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
  }

  int64_t Total() {
    const auto read = store().BatchGetAtomic(views_, token());
    EXPECT_TRUE(read.ok()) << read.status();
    int64_t total = 0;
    for (const GetResult& result : read->results) {
      EXPECT_TRUE(result.found.entry);
      if (!result.found.entry) continue;
      const int64_t number = Number(result.found.entry->value());
      EXPECT_GE(number, 0);
      total += number;
    }
    return total;
  }

  int64_t Expected() { return kEach * static_cast<int64_t>(keys_.size()); }
};

TEST_F(TransfersTest, TheTotalOfACircleStays) {
  Run(
      [this](uint64_t draw) {
        const size_t from = draw % keys_.size();
        const size_t by = (draw >> 8) % 2 == 0 ? 1 : keys_.size() - 1;
        const WriteResult moved = Do(TransferOperation{
            .source_key = KeyAt(from),
            .destination_key = KeyAt(from + by),
            .amount = static_cast<int64_t>(1 + (draw >> 9) % 50)});
        if (moved.ok()) ++done_;
      },
      [this] { ASSERT_EQ(Total(), Expected()); });
  EXPECT_EQ(Total(), Expected());
  EXPECT_GT(done_, kWritesPerWriter / 10);
}

// Three transfers in one transaction; a late one that fails undoes the others.
TEST_F(TransfersTest, TheTotalStaysWhereWholeRoundsAreUndone) {
  std::atomic<int> undone = 0;
  Run(
      [&, this](uint64_t draw) {
        const size_t at = draw % keys_.size();
        const int64_t amount = static_cast<int64_t>(1 + (draw >> 8) % 60);
        const auto transfer = [&](size_t from, size_t to) {
          return Operation(TransferOperation{.source_key = KeyAt(from),
                                             .destination_key = KeyAt(to),
                                             .amount = amount});
        };
        const WriteResult moved =
            (draw >> 20) % 2 == 0
                ? Transact({transfer(at, at + 1), transfer(at + 1, at + 2),
                            transfer(at + 4, at + 3)})
                : Transact({transfer(at + 1, at), transfer(at + 2, at + 1),
                            transfer(at + 3, at + 4)});
        ++(moved.ok() ? done_ : undone);
      },
      [this] { ASSERT_EQ(Total(), Expected()); });
  EXPECT_EQ(Total(), Expected());
  EXPECT_GT(done_, kWritesPerWriter / 10);
  EXPECT_GT(undone, 0);
}

// Increments of one counter by all, so that a lost update shows in the sum.
TEST_F(TransfersTest, NoIncrementIsLost) {
  Run([this](uint64_t draw) { Increment(KeyAt(draw % 2), 1); },
      [this] { ASSERT_GE(Total(), Expected()); });
  EXPECT_EQ(Total(), Expected() + kWriters * kWritesPerWriter);
}

// Two swap the same pair of values by compare and put: the pair is never equal.
TEST_F(TransfersTest, ACompareAndItsWritesAreOneMoment) {
  const std::string_view pair[] = {keys_[0], keys_[1]};
  Put(pair[0], "0");
  Put(pair[1], "1");
  Run(
      [&, this](uint64_t) {
        const WriteResult swapped =
            Transact({{pair[0], ValueIs("0")}, {pair[1], ValueIs("1")}},
                     {PutOperation{.key = pair[0], .value = "1"},
                      PutOperation{.key = pair[1], .value = "0"}},
                     {PutOperation{.key = pair[0], .value = "0"},
                      PutOperation{.key = pair[1], .value = "1"}});
        if (swapped.ok()) ++done_;
      },
      [&, this] {
        const auto read = store().BatchGetAtomic(pair, token());
        ASSERT_TRUE(read.ok()) << read.status();
        ASSERT_NE(read->results[0].found.entry->value(),
                  read->results[1].found.entry->value());
      });
  EXPECT_EQ(done_, kWriters * kWritesPerWriter);
}

// A sweep beside writers takes what expired and nothing else.
TEST_F(MoversTest, ASweepBesideWritersLosesNothing) {
  std::atomic<int> put = 0;
  size_t swept = 0;
  Run(
      [&, this](uint64_t draw) {
        Put("short" + std::to_string(draw), "v", Ttl(1_ms));
        ++put;
        Put("long" + std::to_string(draw), "v");
      },
      [&, this] {
        Advance(1_ms);
        swept += store().SweepExpired(100);
      });
  Advance(1_ms);
  swept += store().SweepExpired(1'000'000);
  EXPECT_EQ(swept, static_cast<size_t>(put));
  EXPECT_EQ(store().EntryCount(),
            static_cast<size_t>(kWriters * kWritesPerWriter));
}

}  // namespace
}  // namespace latchkey
