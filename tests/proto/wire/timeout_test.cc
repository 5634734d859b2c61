#include "proto/wire/timeout.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace latchkey::wire {
namespace {

TEST(TimeoutTest, EveryUnitIsParsed) {
  struct Row {
    const char* text;
    int64_t nanos;
  };
  for (const Row& row : {
           Row{"0n", 0},
           Row{"1n", 1},
           Row{"250u", 250'000},
           Row{"20m", 20'000'000},
           Row{"3S", 3'000'000'000},
           Row{"2M", 120'000'000'000},
           Row{"1H", 3'600'000'000'000},
           Row{"00000001S", 1'000'000'000},
           Row{"99999999n", 99'999'999},
           // 11,415 years.
           Row{"99999999H", INT64_MAX},
           Row{"2562048H", INT64_MAX},
           Row{"2562047H", 2'562'047 * 3'600'000'000'000},
       }) {
    EXPECT_EQ(ParseTimeout(row.text), row.nanos) << row.text;
  }
}

TEST(TimeoutTest, WhatIsNoTimeoutIsNothing) {
  for (const char* text :
       {"", "5", "m", "5x", "-5S", "+5S", "1.5S", " 5S", "5S ", "5S5S", "5s",
        "5h", "000000001S", "999999999n", "\xff\xff"}) {
    EXPECT_EQ(ParseTimeout(text), std::nullopt) << text;
  }
}

TEST(TimeoutTest, FormatsInTheFinestUnitThatHasRoom) {
  struct Row {
    int64_t nanos;
    const char* text;
  };
  for (const Row& row : {
           Row{0, "0n"},
           Row{99'999'999, "99999999n"},
           Row{100'000'000, "100000u"},
           Row{100'000'001, "100001u"},
           Row{99'999'999'000, "99999999u"},
           Row{99'999'999'001, "100000m"},
           Row{INT64_MAX, "2562048H"},
       }) {
    EXPECT_EQ(FormatTimeout(row.nanos), row.text) << row.nanos;
  }
}

TEST(TimeoutTest, WhatWasFormattedIsNeverShorter) {
  for (int64_t nanos = 1; nanos < INT64_MAX / 7; nanos = nanos * 7 + 3) {
    const auto parsed = ParseTimeout(FormatTimeout(nanos));
    ASSERT_TRUE(parsed.has_value()) << nanos;
    EXPECT_GE(*parsed, nanos);
  }
}

}  // namespace
}  // namespace latchkey::wire
