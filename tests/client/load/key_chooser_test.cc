#include "client/load/key_chooser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <set>
#include <vector>

#include "client/load/random.h"

namespace latchkey::load {
namespace {

constexpr uint64_t kSeed = 11;

// How often each key came up in `draws` draws.
std::vector<double> Count(const KeyChooser& chooser, int draws) {
  Random random(kSeed, 0);
  std::vector<double> counts(chooser.keys());
  for (int i = 0; i < draws; ++i) ++counts[chooser.Choose(random)];
  return counts;
}

TEST(KeyChooserTest, UniformFitsByChiSquare) {
  constexpr uint64_t kKeys = 1'000;
  constexpr int kDraws = 1'000'000;
  const KeyChooser chooser({.keys = kKeys});
  const double expected = static_cast<double>(kDraws) / kKeys;
  double chi_square = 0;
  for (const double count : Count(chooser, kDraws)) {
    chi_square += (count - expected) * (count - expected) / expected;
  }
  // 999 degrees of freedom: mean 999, standard deviation 44.7; 5 of them.
  EXPECT_NEAR(chi_square, kKeys - 1, 5 * std::sqrt(2.0 * kKeys));
}

class ZipfianTest : public testing::TestWithParam<double> {};

TEST_P(ZipfianTest, RanksComeUpInProportionToTheirPower) {
  constexpr uint64_t kKeys = 10'000;
  constexpr int kDraws = 2'000'000;
  const double theta = GetParam();
  const KeyChooser chooser({.keys = kKeys,
                            .distribution = Distribution::kZipfian,
                            .zipf_theta = theta,
                            .seed = kSeed});
  const std::vector<double> counts = Count(chooser, kDraws);

  double zeta = 0;
  for (uint64_t rank = 0; rank < kKeys; ++rank) {
    zeta += std::pow(static_cast<double>(rank + 1), -theta);
  }
  // The method is exact for the first two ranks: 5 standard deviations.
  for (const uint64_t rank : {0, 1}) {
    const double expected =
        kDraws * std::pow(static_cast<double>(rank + 1), -theta) / zeta;
    EXPECT_NEAR(counts[chooser.IndexOfRank(rank)], expected,
                5 * std::sqrt(expected))
        << rank;
  }
  // And an approximation above, 7 % off for the next ranks and better for
  // later ones.
  for (uint64_t from = 1; from < kKeys; from *= 10) {
    double expected = 0;
    double counted = 0;
    for (uint64_t rank = from; rank < from * 10 && rank < kKeys; ++rank) {
      expected +=
          kDraws * std::pow(static_cast<double>(rank + 1), -theta) / zeta;
      counted += counts[chooser.IndexOfRank(rank)];
    }
    EXPECT_NEAR(counted / expected, 1, from == 1 ? 0.08 : 0.04)
        << "ranks from " << from;
  }
}

INSTANTIATE_TEST_SUITE_P(Skews, ZipfianTest, testing::Values(0.5, 0.9, 0.99));

TEST(KeyChooserTest, ScattersRanksByAPermutation) {
  for (const uint64_t keys : {1, 2, 3, 10, 97, 1'000, 65'536, 100'000}) {
    const KeyChooser chooser(
        {.keys = keys, .distribution = Distribution::kZipfian, .seed = kSeed});
    std::set<uint64_t> indexes;
    for (uint64_t rank = 0; rank < keys; ++rank) {
      indexes.insert(chooser.IndexOfRank(rank));
    }
    EXPECT_EQ(indexes.size(), keys);
    EXPECT_LT(*indexes.rbegin(), keys);
  }
}

TEST(KeyChooserTest, PopularKeysAreNoNeighbours) {
  const KeyChooser chooser(
      {.keys = 100'000, .distribution = Distribution::kZipfian, .seed = kSeed});
  for (uint64_t rank = 0; rank < 10; ++rank) {
    const int64_t a = static_cast<int64_t>(chooser.IndexOfRank(rank));
    const int64_t b = static_cast<int64_t>(chooser.IndexOfRank(rank + 1));
    EXPECT_GT(std::abs(a - b), 1'000);
  }
}

TEST(KeyChooserTest, StaysWithinFewKeys) {
  for (const auto distribution :
       {Distribution::kUniform, Distribution::kZipfian}) {
    for (const uint64_t keys : {1, 2, 3}) {
      const KeyChooser chooser({.keys = keys, .distribution = distribution});
      Random random(kSeed, keys);
      std::set<uint64_t> drawn;
      for (int i = 0; i < 1'000; ++i) drawn.insert(chooser.Choose(random));
      EXPECT_EQ(drawn.size(), keys);
      EXPECT_LT(*drawn.rbegin(), keys);
    }
  }
}

TEST(KeyChooserTest, RepeatsFromTheSeed) {
  const KeyChooser chooser(
      {.keys = 1'000'000, .distribution = Distribution::kZipfian, .seed = 1});
  Random one(5, 0);
  Random same(5, 0);
  Random other_stream(5, 1);
  int equal = 0;
  for (int i = 0; i < 1'000; ++i) {
    const uint64_t key = chooser.Choose(one);
    ASSERT_EQ(key, chooser.Choose(same));
    if (key == chooser.Choose(other_stream)) ++equal;
  }
  EXPECT_LT(equal, 100);
}

TEST(KeyNamesTest, PadsToOneLength) {
  const KeyNames names("k", 8);
  EXPECT_EQ(names.Name(0), "k0000000");
  EXPECT_EQ(names.Name(1'234), "k0001234");
  EXPECT_EQ(names.Name(9'999'999), "k9999999");
}

TEST(KeyNamesTest, KnowsTheLeastLength) {
  EXPECT_EQ(KeyNames::BytesMin("", 1), 1u);
  EXPECT_EQ(KeyNames::BytesMin("k", 10), 2u);
  EXPECT_EQ(KeyNames::BytesMin("k", 11), 3u);
  EXPECT_EQ(KeyNames::BytesMin("key-", 100'000), 9u);
}

}  // namespace
}  // namespace latchkey::load
