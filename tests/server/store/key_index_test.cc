// The index finds each key's place, and no other, however it grows.

#include "server/store/key_index.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

namespace latchkey {
namespace {

class KeyIndexTest : public ::testing::Test {
 protected:
  void Insert(uint32_t place, uint64_t hash) {
    hashes_[place] = hash;
    index_.Reserve(place + 1);
    index_.Insert(hash, place, Keys{hashes_});
  }

  void Erase(uint32_t place) {
    index_.Erase(hashes_.at(place), place);
    hashes_.erase(place);
  }

  // As of an entry whose hash is equal as a whole.
  uint32_t Find(uint64_t hash) {
    return index_.Find(hash, [&](uint32_t place) {
      ++looks_;
      return hashes_.at(place) == hash;
    });
  }

  struct Keys {
    void Prefetch(uint32_t place) const { EXPECT_TRUE(hashes.contains(place)); }
    void PrefetchKey(uint32_t place) const {
      EXPECT_TRUE(hashes.contains(place));
    }
    uint64_t HashOf(uint32_t place) const { return hashes.at(place); }
    const std::map<uint32_t, uint64_t>& hashes;
  };

  KeyIndex index_;
  std::map<uint32_t, uint64_t> hashes_;
  int looks_ = 0;
};

TEST_F(KeyIndexTest, FindsNothingInAnEmptyOne) {
  EXPECT_EQ(Find(7), KeyIndex::kNoPlace);
  index_.Reserve(1);
  EXPECT_EQ(Find(7), KeyIndex::kNoPlace);
  EXPECT_EQ(looks_, 0);
}

TEST_F(KeyIndexTest, FindsEachPlaceWhileItGrows) {
  std::mt19937_64 random(1);
  for (uint32_t place = 0; place < 3'000; ++place) {
    Insert(place, random());
    if (place % 97 != 0) continue;
    for (const auto& [other, hash] : hashes_) ASSERT_EQ(Find(hash), other);
  }
  // With the tags hardly any look was in vain.
  looks_ = 0;
  for (const auto& [place, hash] : hashes_) EXPECT_EQ(Find(hash), place);
  EXPECT_LT(looks_, 3'060);
  looks_ = 0;
  for (int i = 0; i < 3'000; ++i) EXPECT_EQ(Find(random()), KeyIndex::kNoPlace);
  EXPECT_LT(looks_, 90);
}

TEST_F(KeyIndexTest, TellsKeysOfOneHashApart) {
  // All in one chain, which no growth divides.
  for (uint32_t place = 0; place < 50; ++place) Insert(place, 0x1234);
  for (uint32_t place = 0; place < 50; ++place) {
    EXPECT_EQ(index_.Find(0x1234, [&](uint32_t p) { return p == place; }),
              place);
  }
  for (uint32_t place = 0; place < 50; place += 2) Erase(place);
  for (uint32_t place = 0; place < 50; ++place) {
    EXPECT_EQ(index_.Find(0x1234, [&](uint32_t p) { return p == place; }),
              place % 2 == 0 ? KeyIndex::kNoPlace : place);
  }
}

TEST_F(KeyIndexTest, AgreesWithAMapAtRandom) {
  std::mt19937_64 random(2);
  // Few hashes in few buckets, so that chains are long and hashes recur.
  const auto draw = [&] { return random() % 64 * 0x0000'0100'0000'0101ull; };
  std::vector<uint32_t> free;
  uint32_t places = 0;
  for (int step = 0; step < 20'000; ++step) {
    if (hashes_.size() < 200 && (hashes_.empty() || random() % 2 == 0)) {
      const uint64_t hash = draw();
      if (Find(hash) != KeyIndex::kNoPlace) continue;
      uint32_t place = places;
      if (free.empty()) {
        ++places;
      } else {
        place = free.back();
        free.pop_back();
      }
      Insert(place, hash);
    } else {
      auto it = hashes_.begin();
      std::advance(it, random() % hashes_.size());
      free.push_back(it->first);
      Erase(it->first);
    }
    const uint64_t hash = draw();
    uint32_t expected = KeyIndex::kNoPlace;
    for (const auto& [place, other] : hashes_) {
      if (other == hash) expected = place;
    }
    ASSERT_EQ(Find(hash), expected) << step;
  }
}

TEST_F(KeyIndexTest, DividesNothingWhileItsSizeStaysTheSame) {
  struct NoKeys {
    void Prefetch(uint32_t place) const { HashOf(place); }
    void PrefetchKey(uint32_t place) const { HashOf(place); }
    uint64_t HashOf(uint32_t place) const {
      ADD_FAILURE() << place << " is asked for its hash";
      return 0;
    }
  };
  index_.Reserve(1'000);
  std::mt19937_64 random(3);
  for (uint32_t place = 0; place < 12; ++place) Insert(place, random());
  for (int i = 0; i < 1'000; ++i) {
    Erase(7);
    hashes_[7] = random();
    index_.Insert(hashes_[7], 7, NoKeys());
  }
  for (const auto& [place, hash] : hashes_) EXPECT_EQ(Find(hash), place);
}

TEST_F(KeyIndexTest, TakesSevenBytesForAnEntry) {
  for (const size_t entries : {10'000u, 100'000u, 1'000'000u}) {
    EXPECT_LT(KeyIndex::BytesOf(entries), 7 * entries);
  }
}

}  // namespace
}  // namespace latchkey
