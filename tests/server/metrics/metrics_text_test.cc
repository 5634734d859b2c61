#include "server/metrics/metrics_text.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <string>

#include "server/metrics/duration_buckets.h"

namespace latchkey {
namespace {

// The lines of `text` without those that begin with #.
std::string Samples(const MetricsText& text) {
  std::string samples;
  size_t begin = 0;
  while (begin < text.text().size()) {
    const size_t end = text.text().find('\n', begin) + 1;
    if (text.text()[begin] != '#') {
      samples += text.text().substr(begin, end - begin);
    }
    begin = end;
  }
  return samples;
}

TEST(MetricsTextTest, AFamilyHasHelpTypeAndSamples) {
  MetricsText text;
  text.Family("latchkey_errors_total", MetricType::kCounter, "Errors.");
  text.Sample({}, 3);
  text.Sample({{"err", "KEY_EXISTS"}}, uint64_t{18'446'744'073'709'551'615u});
  text.Sample({{"err", "A"}, {"cmd", "Get"}}, -1);
  text.Family("latchkey_db_keys", MetricType::kGauge, "Keys.");
  text.Sample({}, 0.5);
  EXPECT_EQ(text.text(),
            "# HELP latchkey_errors_total Errors.\n"
            "# TYPE latchkey_errors_total counter\n"
            "latchkey_errors_total 3\n"
            "latchkey_errors_total{err=\"KEY_EXISTS\"} 18446744073709551615\n"
            "latchkey_errors_total{err=\"A\",cmd=\"Get\"} -1\n"
            "# HELP latchkey_db_keys Keys.\n"
            "# TYPE latchkey_db_keys gauge\n"
            "latchkey_db_keys 0.5\n");
}

TEST(MetricsTextTest, EscapesWhatWouldEndALineOrAValue) {
  MetricsText text;
  text.Family("a", MetricType::kGauge, "one\ntwo \\ \"three\"");
  text.Sample({{"label", "one\ntwo \\ \"three\" {,}"}}, 1);
  EXPECT_EQ(text.text(),
            "# HELP a one\\ntwo \\\\ \"three\"\n"
            "# TYPE a gauge\n"
            "a{label=\"one\\ntwo \\\\ \\\"three\\\" {,}\"} 1\n");
}

TEST(MetricsTextTest, NumbersAreReadBackAsTheyWere) {
  MetricsText text;
  text.Family("a", MetricType::kGauge, "");
  text.Sample({}, 0.1);
  text.Sample({}, 2.5e-6);
  text.Sample({}, 1e300);
  text.Sample({}, std::numeric_limits<double>::infinity());
  text.Sample({}, -std::numeric_limits<double>::infinity());
  text.Sample({}, std::nan(""));
  text.SampleSeconds({}, 1'500'000'001);
  EXPECT_EQ(Samples(text),
            "a 0.1\na 2.5e-06\na 1e+300\na +Inf\na -Inf\na NaN\n"
            "a 1.500000001\n");
}

TEST(MetricsTextTest, AHistogramIsCumulatedAndInSeconds) {
  std::array<uint64_t, kDurationBuckets> counts = {};
  counts[0] = 2;
  counts[2] = 3;
  counts[kDurationBuckets - 1] = 1;
  MetricsText text;
  text.Family("d_seconds", MetricType::kHistogram, "Times.");
  text.Durations({{"cmd", "Get"}}, counts, 12'000'000'000);
  EXPECT_EQ(Samples(text),
            "d_seconds_bucket{cmd=\"Get\",le=\"5e-06\"} 2\n"
            "d_seconds_bucket{cmd=\"Get\",le=\"1e-05\"} 2\n"
            "d_seconds_bucket{cmd=\"Get\",le=\"2.5e-05\"} 5\n"
            "d_seconds_bucket{cmd=\"Get\",le=\"5e-05\"} 5\n"
            "d_seconds_bucket{cmd=\"Get\",le=\"1e-04\"} 5\n"
            "d_seconds_bucket{cmd=\"Get\",le=\"0.00025\"} 5\n"
            "d_seconds_bucket{cmd=\"Get\",le=\"5e-04\"} 5\n"
            "d_seconds_bucket{cmd=\"Get\",le=\"0.001\"} 5\n"
            "d_seconds_bucket{cmd=\"Get\",le=\"0.0025\"} 5\n"
            "d_seconds_bucket{cmd=\"Get\",le=\"0.005\"} 5\n"
            "d_seconds_bucket{cmd=\"Get\",le=\"0.01\"} 5\n"
            "d_seconds_bucket{cmd=\"Get\",le=\"0.025\"} 5\n"
            "d_seconds_bucket{cmd=\"Get\",le=\"0.05\"} 5\n"
            "d_seconds_bucket{cmd=\"Get\",le=\"0.1\"} 5\n"
            "d_seconds_bucket{cmd=\"Get\",le=\"0.25\"} 5\n"
            "d_seconds_bucket{cmd=\"Get\",le=\"0.5\"} 5\n"
            "d_seconds_bucket{cmd=\"Get\",le=\"1\"} 5\n"
            "d_seconds_bucket{cmd=\"Get\",le=\"2.5\"} 5\n"
            "d_seconds_bucket{cmd=\"Get\",le=\"5\"} 5\n"
            "d_seconds_bucket{cmd=\"Get\",le=\"10\"} 5\n"
            "d_seconds_bucket{cmd=\"Get\",le=\"+Inf\"} 6\n"
            "d_seconds_sum{cmd=\"Get\"} 12\n"
            "d_seconds_count{cmd=\"Get\"} 6\n");
}

TEST(MetricsTextDeathTest, RefusesWhatPrometheusWouldRefuse) {
  MetricsText text;
  EXPECT_DEATH(text.Family("", MetricType::kGauge, ""), "can be read");
  EXPECT_DEATH(text.Family("9a", MetricType::kGauge, ""), "can be read");
  EXPECT_DEATH(text.Family("a-b", MetricType::kGauge, ""), "can be read");
  EXPECT_DEATH(text.Family("a", MetricType::kCounter, ""), "called a total");
  EXPECT_DEATH(text.Family("a_total", MetricType::kGauge, ""),
               "called a total");
  EXPECT_DEATH(text.Sample({}, 1), "of a family");
  text.Family("a", MetricType::kGauge, "");
  EXPECT_DEATH(text.Family("a", MetricType::kGauge, ""), "comes once");
  EXPECT_DEATH(text.Durations({}, {}, 0), "histogram was begun");
}

}  // namespace
}  // namespace latchkey
