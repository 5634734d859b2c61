#include "server/store/key_hasher.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <set>
#include <string>

#include "tests/support/seeded_random.h"

namespace latchkey {
namespace {

// The secret of the published test vectors: bytes 0, 1, ... 15.
class CountingRandom final : public RandomSource {
 public:
  void Fill(std::span<std::byte> bytes) override {
    int next = 0;
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(next++);
  }
};

KeyHasher MakeHasher(uint64_t seed) {
  SeededRandom random(seed);
  return KeyHasher(random);
}

// Aumasson and Bernstein, "SipHash: a fast short-input PRF", appendix A: the
// hash of bytes 0 ... 14.
TEST(KeyHasherTest, IsSipHash24) {
  CountingRandom random;
  const KeyHasher hasher(random);
  std::string key;
  for (char c = 0; c < 15; ++c) key.push_back(c);
  EXPECT_EQ(hasher.Hash(key), 0xa129ca6149be45e5u);
}

TEST(KeyHasherTest, RepeatsForOneSecret) {
  EXPECT_EQ(MakeHasher(1).Hash("key"), MakeHasher(1).Hash("key"));
}

TEST(KeyHasherTest, AnotherSecretGivesAnotherHash) {
  EXPECT_NE(MakeHasher(1).Hash("key"), MakeHasher(2).Hash("key"));
}

TEST(KeyHasherTest, SeesEveryByte) {
  const KeyHasher hasher = MakeHasher(1);
  const std::string zeros(8, '\0');
  std::set<uint64_t> hashes = {hasher.Hash(""), hasher.Hash(zeros)};
  for (size_t i = 0; i < zeros.size(); ++i) {
    std::string key = zeros;
    key[i] = 1;
    hashes.insert(hasher.Hash(key));
  }
  EXPECT_EQ(hashes.size(), 10u);
}

// 100 keys are expected in each of 256 shards, with a deviation of 10; half and
// double lie five deviations or more away.
TEST(KeyHasherTest, SpreadsSimilarKeysOverTheTopBits) {
  const KeyHasher hasher = MakeHasher(1);
  std::array<int, 256> counts = {};
  for (int i = 0; i < 25'600; ++i) {
    ++counts[hasher.Hash("user:" + std::to_string(i)) >> 56];
  }
  for (const int count : counts) {
    EXPECT_GT(count, 50);
    EXPECT_LT(count, 200);
  }
}

}  // namespace
}  // namespace latchkey
