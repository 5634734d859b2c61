#include "client/lib/key_generator.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/client/lib/fakes.h"

namespace latchkey::client {
namespace {

uint64_t Number(const std::string& key, size_t first, size_t count) {
  uint64_t number = 0;
  for (size_t i = first; i < first + count; ++i) {
    number = number << 8 | static_cast<uint8_t>(key.at(i));
  }
  return number;
}

uint64_t Millis(const std::string& key) { return Number(key, 0, 6); }

// The example of RFC 9562, appendix A.6, with a counter in place of rand_a.
TEST(KeyGeneratorTest, LaysOutAsVersion7) {
  FakeClock clock;
  clock.SetUnixMillis(0x017F22E279B0);
  ScriptedRandom random({0x4C3, 0x18C4DC0C0C07398F << 2});
  KeyGenerator keys(clock, random);
  const std::string key = keys.Next();
  ASSERT_EQ(key.size(), 16u);
  EXPECT_EQ(Number(key, 0, 8), 0x017F22E279B0'74C3);
  EXPECT_EQ(Number(key, 8, 8), 0x98C4DC0C0C07398F);
  EXPECT_EQ(UuidText(key), "017f22e2-79b0-74c3-98c4-dc0c0c07398f");
}

TEST(KeyGeneratorTest, KeepsVersionAndVariantWhateverTheRandomBits) {
  FakeClock clock;
  for (const uint64_t bits : {uint64_t{0}, UINT64_MAX}) {
    ScriptedRandom random({bits});
    KeyGenerator keys(clock, random);
    const std::string key = keys.Next();
    EXPECT_EQ(Number(key, 6, 1) >> 4, 7u);
    EXPECT_EQ(Number(key, 8, 1) >> 6, 2u);
  }
}

TEST(KeyGeneratorTest, AscendsWithinAMillisecondBeyondTheCounter) {
  FakeClock clock;
  ScriptedRandom random({UINT64_MAX, 0});
  KeyGenerator keys(clock, random);
  std::string last = keys.Next();
  // From 0x7ff, the highest start, 0x800 more fit.
  for (int i = 0; i < 0x800; ++i) {
    const std::string key = keys.Next();
    ASSERT_LT(last, key);
    ASSERT_EQ(Millis(key), 1'700'000'000'000u);
    last = key;
  }
  const std::string key = keys.Next();
  EXPECT_LT(last, key);
  EXPECT_EQ(Millis(key), 1'700'000'000'001u);
}

TEST(KeyGeneratorTest, AscendsWhenTheClockGoesBack) {
  FakeClock clock;
  ScriptedRandom random;
  KeyGenerator keys(clock, random);
  const std::string first = keys.Next();
  clock.SetUnixMillis(1'600'000'000'000);
  const std::string second = keys.Next();
  clock.SetUnixMillis(1'700'000'000'005);
  const std::string third = keys.Next();
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  EXPECT_EQ(Millis(third), 1'700'000'000'005u);
}

TEST(KeyGeneratorTest, NeverRepeatsAcrossThreadsOfOneMillisecond) {
  FakeClock clock;
  ScriptedRandom random;
  KeyGenerator keys(clock, random);
  std::vector<std::vector<std::string>> made(4);
  {
    std::vector<std::jthread> threads;
    for (auto& own : made) {
      threads.emplace_back([&keys, &own] {
        for (int i = 0; i < 3000; ++i) own.push_back(keys.Next());
      });
    }
  }
  std::set<std::string> all;
  for (const auto& own : made) all.insert(own.begin(), own.end());
  EXPECT_EQ(all.size(), 12'000u);
}

}  // namespace
}  // namespace latchkey::client
