#include "client/load/histogram.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "client/load/random.h"

namespace latchkey::load {
namespace {

// The least value that at least `percent` of `sorted` are not above.
int64_t ExactPercentile(const std::vector<int64_t>& sorted, double percent) {
  const double wanted =
      std::ceil(percent / 100 * static_cast<double>(sorted.size()));
  return sorted[std::max<size_t>(static_cast<size_t>(wanted), 1) - 1];
}

constexpr double kPercents[] = {0, 1, 10, 50, 90, 99, 99.9, 99.99, 100};

TEST(HistogramTest, IsZeroWhenEmpty) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.min(), 0);
  EXPECT_EQ(histogram.max(), 0);
  EXPECT_EQ(histogram.Mean(), 0);
  EXPECT_EQ(histogram.Percentile(99), 0);
}

TEST(HistogramTest, IsExactForSmallValues) {
  Histogram histogram;
  std::vector<int64_t> values;
  for (int64_t value = 0; value < 2'048; ++value) {
    histogram.Record(value);
    values.push_back(value);
  }
  for (const double percent : kPercents) {
    EXPECT_EQ(histogram.Percentile(percent), ExactPercentile(values, percent))
        << percent;
  }
}

TEST(HistogramTest, HasThreeDigitsAtEveryMagnitude) {
  // One value alone, at the edges of each power of two and between them, with
  // a greater one so that max() does not bound the answer.
  for (int bits = 1; bits < 40; ++bits) {
    const int64_t power = int64_t{1} << bits;
    for (const int64_t value : {power - 1, power, power + power / 3}) {
      Histogram histogram;
      histogram.Record(value);
      histogram.Record(Histogram::kValueMax);
      const int64_t answer = histogram.Percentile(50);
      EXPECT_GE(answer, value);
      EXPECT_LE(static_cast<double>(answer - value),
                static_cast<double>(value) / 1'000)
          << value;
    }
  }
}

TEST(HistogramTest, AgreesWithSortedValuesToThreeDigits) {
  constexpr uint64_t kSeed = 7;
  Random random(kSeed, 0);
  Histogram histogram;
  std::vector<int64_t> values;
  double sum = 0;
  for (int i = 0; i < 100'000; ++i) {
    // Of every magnitude from 1 ns to 100 s.
    const int64_t value =
        static_cast<int64_t>(std::pow(10.0, random.Unit() * 11));
    histogram.Record(value);
    values.push_back(value);
    sum += static_cast<double>(value);
  }
  std::sort(values.begin(), values.end());
  for (const double percent : kPercents) {
    const double exact = static_cast<double>(ExactPercentile(values, percent));
    EXPECT_NEAR(static_cast<double>(histogram.Percentile(percent)), exact,
                exact / 1'000)
        << "percentile " << percent << ", seed " << kSeed;
  }
  EXPECT_EQ(histogram.count(), values.size());
  EXPECT_EQ(histogram.min(), values.front());
  EXPECT_EQ(histogram.max(), values.back());
  EXPECT_NEAR(histogram.Mean(), sum / static_cast<double>(values.size()), 1);
}

TEST(HistogramTest, MergesAsIfRecordedInOne) {
  Random random(3, 0);
  Histogram one;
  Histogram parts[2];
  for (int i = 0; i < 10'000; ++i) {
    const int64_t value = static_cast<int64_t>(random.Below(1'000'000'000));
    one.Record(value);
    parts[i % 2].Record(value);
  }
  parts[0].Merge(parts[1]);
  for (const double percent : kPercents) {
    EXPECT_EQ(parts[0].Percentile(percent), one.Percentile(percent));
  }
  EXPECT_EQ(parts[0].count(), one.count());
  EXPECT_EQ(parts[0].min(), one.min());
  EXPECT_EQ(parts[0].max(), one.max());
  EXPECT_NEAR(parts[0].Mean(), one.Mean(), 1e-3);
}

TEST(HistogramTest, KeepsExtremesBeyondItsRange) {
  Histogram histogram;
  histogram.Record(-5);
  histogram.Record(INT64_MAX);
  EXPECT_EQ(histogram.count(), 2u);
  EXPECT_EQ(histogram.min(), 0);
  EXPECT_EQ(histogram.max(), INT64_MAX);
  EXPECT_EQ(histogram.Percentile(100), Histogram::kValueMax);
}

TEST(HistogramTest, NeverExceedsTheMaximumSeen) {
  Histogram histogram;
  // The first of a counter that is 512 wide.
  histogram.Record(1'048'576);
  EXPECT_EQ(histogram.Percentile(99.99), 1'048'576);
}

}  // namespace
}  // namespace latchkey::load
