#include "server/service/time_conversion.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>

namespace latchkey {
namespace {

struct Row {
  int64_t seconds;
  int32_t nanos;
  std::optional<int64_t> expected;
};

TEST(TimeConversionTest, DurationsBecomeNanoseconds) {
  const Row rows[] = {
      {0, 0, 0},
      {1, 500, 1'000'000'500},
      {-1, -500, -1'000'000'500},
      {0, -999'999'999, -999'999'999},
      {0, 999'999'999, 999'999'999},
      // The ends of what 64 bits hold, and beyond.
      {9'223'372'036, 854'775'807, INT64_MAX},
      {9'223'372'036, 854'775'808, INT64_MAX},
      {9'223'372'037, 0, INT64_MAX},
      {INT64_MAX, 999'999'999, INT64_MAX},
      {-9'223'372'036, -854'775'808, INT64_MIN},
      {-9'223'372'036, -854'775'809, INT64_MIN},
      {INT64_MIN, -1, INT64_MIN},
      // Malformed.
      {0, 1'000'000'000, std::nullopt},
      {0, -1'000'000'000, std::nullopt},
      {1, INT32_MIN, std::nullopt},
      {1, -1, std::nullopt},
      {-1, 1, std::nullopt},
  };
  for (const Row& row : rows) {
    google::protobuf::Duration duration;
    duration.set_seconds(row.seconds);
    duration.set_nanos(row.nanos);
    EXPECT_EQ(ToNanos(duration), row.expected)
        << row.seconds << "s " << row.nanos << "ns";
  }
}

TEST(TimeConversionTest, TimestampsBecomeInstants) {
  const Row rows[] = {
      {0, 0, 0},
      {1'700'000'000, 1, 1'700'000'000'000'000'001},
      // Nanos count forward before 1970, too.
      {-1, 999'999'999, -1},
      {-1, 0, -1'000'000'000},
      {9'223'372'036, 854'775'807, INT64_MAX},
      {9'223'372'037, 0, INT64_MAX},
      {INT64_MAX, 0, INT64_MAX},
      {INT64_MIN, 0, INT64_MIN},
      {0, -1, std::nullopt},
      {0, 1'000'000'000, std::nullopt},
  };
  for (const Row& row : rows) {
    google::protobuf::Timestamp timestamp;
    timestamp.set_seconds(row.seconds);
    timestamp.set_nanos(row.nanos);
    EXPECT_EQ(ToUnixNanos(timestamp), row.expected)
        << row.seconds << "s " << row.nanos << "ns";
  }
}

TEST(TimeConversionTest, InstantsComeBackAsTheyWent) {
  const UnixNanos instants[] = {0,
                                1,
                                -1,
                                999'999'999,
                                -999'999'999,
                                -1'000'000'000,
                                -1'000'000'001,
                                1'700'000'000'123'456'789,
                                INT64_MAX,
                                -9'223'372'036'000'000'000};
  for (const UnixNanos instant : instants) {
    google::protobuf::Timestamp timestamp;
    ToTimestamp(instant, &timestamp);
    EXPECT_GE(timestamp.nanos(), 0);
    EXPECT_LT(timestamp.nanos(), 1'000'000'000);
    EXPECT_EQ(ToUnixNanos(timestamp), instant);
  }
}

TEST(TimeConversionTest, DurationsComeBackAsTheyWent) {
  const Nanos durations[] = {0,
                             1,
                             999'999'999,
                             1'000'000'000,
                             1'000'000'001,
                             -1,
                             -1'000'000'001,
                             INT64_MAX};
  for (const Nanos nanos : durations) {
    google::protobuf::Duration duration;
    ToDuration(nanos, &duration);
    EXPECT_EQ(ToNanos(duration), nanos);
  }
}

}  // namespace
}  // namespace latchkey
