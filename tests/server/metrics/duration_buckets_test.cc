#include "server/metrics/duration_buckets.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace latchkey {
namespace {

TEST(DurationBucketsTest, BoundsAscendFrom5MicrosecondsTo10Seconds) {
  EXPECT_EQ(kDurationBounds.front(), 5'000);
  EXPECT_EQ(kDurationBounds.back(), 10'000'000'000);
  EXPECT_TRUE(std::is_sorted(kDurationBounds.begin(), kDurationBounds.end(),
                             std::less_equal<>()));
}

TEST(DurationBucketsTest, ABoundBelongsToItsBucket) {
  EXPECT_EQ(DurationBucket(0), 0u);
  EXPECT_EQ(DurationBucket(1), 0u);
  EXPECT_EQ(DurationBucket(-1), 0u) << "a clock that jumped";
  for (size_t i = 0; i < kDurationBounds.size(); ++i) {
    EXPECT_EQ(DurationBucket(kDurationBounds[i] - 1), i);
    EXPECT_EQ(DurationBucket(kDurationBounds[i]), i);
    EXPECT_EQ(DurationBucket(kDurationBounds[i] + 1), i + 1);
  }
  EXPECT_EQ(DurationBucket(kNever), kDurationBuckets - 1);
}

}  // namespace
}  // namespace latchkey
