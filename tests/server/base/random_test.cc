#include "server/base/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

namespace latchkey {
namespace {

TEST(SystemRandomTest, FillsAllOfItAndNeverTheSame) {
  SystemRandom random;
  std::array<std::byte, 32> one = {};
  std::array<std::byte, 32> other = {};
  random.Fill(one);
  random.Fill(other);
  // The chance of a false alarm is 2^-256 ...
  EXPECT_NE(one, other);

  // ... and here 2^-64: getrandom(2) gives large requests in parts.
  std::vector<std::byte> large(1024 * 1024);
  random.Fill(large);
  EXPECT_TRUE(std::any_of(large.end() - 8, large.end(),
                          [](std::byte b) { return b != std::byte{0}; }));
}

TEST(SystemRandomTest, TakesNoBytesForNothing) {
  SystemRandom random;
  random.Fill({});
}

}  // namespace
}  // namespace latchkey
