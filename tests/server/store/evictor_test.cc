// Where a full store evicts: the shards stay of one size.

#include "server/store/evictor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "server/store/hashed_key.h"
#include "server/store/key_hasher.h"
#include "tests/server/store/store_fixture.h"
#include "tests/support/seeded_random.h"

namespace latchkey {
namespace {

class EvictorTest : public StoreTest {
 protected:
  EvictorTest() : StoreTest({.memory_bytes_max = kBytesMax}) {}

  // Puts the next `count` keys, `batch` at a time.
  void Fill(size_t count, size_t batch) {
    for (const size_t end = keys_.size() + count; keys_.size() < end;) {
      std::vector<std::string> keys;
      for (size_t i = 0; i < batch; ++i) {
        keys.push_back("key-" + std::to_string(keys_.size() + i));
      }
      std::vector<Operation> puts;
      for (const std::string& key : keys) {
        puts.emplace_back(PutOperation{.key = key, .value = kValue});
      }
      ASSERT_TRUE(store().Write({.on_success = puts}, token()).ok());
      keys_.insert(keys_.end(), keys.begin(), keys.end());
    }
  }

  // How many entries each shard holds.
  std::array<size_t, kShardCount> Sizes() {
    SeededRandom random(kSeed);
    const KeyHasher hasher(random);
    std::array<size_t, kShardCount> sizes = {};
    for (const std::string& key : keys_) {
      if (!store().Get({.key = key}, token())->found.entry) continue;
      ++sizes[HashedKey{key, hasher.Hash(key)}.shard()];
    }
    return sizes;
  }

  void ExpectOneSize() {
    const auto sizes = Sizes();
    const auto [least, most] = std::minmax_element(sizes.begin(), sizes.end());
    const double mean = static_cast<double>(store().EntryCount()) / kShardCount;
    EXPECT_GT(mean, 50);
    EXPECT_GT(static_cast<double>(*least), 0.75 * mean);
    EXPECT_LT(static_cast<double>(*most), 1.25 * mean);
  }

 private:
  static constexpr size_t kBytesMax = 8 * 1024 * 1024;
  const std::string kValue = std::string(200, 'v');
  std::vector<std::string> keys_;
};

TEST_F(EvictorTest, ShardsStayOfOneSizeWhereEntriesComeOneByOne) {
  Fill(300'000, 1);
  ExpectOneSize();
}

// Room for all of a batch is made at once.
TEST_F(EvictorTest, ShardsStayOfOneSizeWhereEntriesComeInBatches) {
  Fill(300'000, 30);
  ExpectOneSize();
}

// A value that is larger than a shard leaves something in every shard.
TEST_F(EvictorTest, ALargeValueTakesFromAllShards) {
  Fill(60'000, 1);
  const auto before = Sizes();
  Put("large", std::string(1024 * 1024, 'v'));
  const auto after = Sizes();
  for (size_t i = 0; i < kShardCount; ++i) {
    EXPECT_GT(after[i], before[i] / 2) << i;
  }
}

}  // namespace
}  // namespace latchkey
