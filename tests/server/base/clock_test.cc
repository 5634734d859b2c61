#include "server/base/clock.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace latchkey {
namespace {

TEST(ClockTest, SaturatingAddStopsAtNever) {
  struct Row {
    UnixNanos a;
    Nanos b;
    UnixNanos sum;
  };
  const Row rows[] = {
      {1, 2, 3},
      {-5, 2, -3},
      {INT64_MIN, 0, INT64_MIN},
      {INT64_MIN, INT64_MAX, -1},
      {kNever - 1, 0, kNever - 1},
      {kNever - 1, 1, kNever},
      {kNever - 1, 2, kNever},
      {kNever, 0, kNever},
      {kNever, INT64_MAX, kNever},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(SaturatingAdd(row.a, row.b), row.sum) << row.a << " + " << row.b;
  }
}

TEST(ClockTest, MonotonicTimeNeverGoesBackAndGoesOn) {
  const Nanos first = MonotonicNow();
  Nanos last = first;
  while (last == first) {
    const Nanos now = MonotonicNow();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(ClockTest, SystemClockCountsFromTheUnixEpochAndNeverBack) {
  const SystemClock clock;
  UnixNanos last = clock.Now();
  // 2023 to 2100: seconds or milliseconds would be far outside.
  EXPECT_GT(last, 1'672'531'200 * kNanosPerSecond);
  EXPECT_LT(last, 4'102'444'800 * kNanosPerSecond);
  for (int i = 0; i < 1000; ++i) {
    const UnixNanos now = clock.Now();
    EXPECT_GE(now, last);
    last = now;
  }
}

}  // namespace
}  // namespace latchkey
