#include "client/cli/parse.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace latchkey::client {
namespace {

struct Instant {
  std::string text;
  int64_t seconds;
  int32_t nanos;
};

TEST(ParseTest, Durations) {
  const std::vector<Instant> rows = {
      {"30s", 30, 0},
      {"5m", 300, 0},
      {"1h", 3'600, 0},
      {"1h30m", 5'400, 0},
      {"7d", 604'800, 0},
      {"300ms", 0, 300'000'000},
      {"1.5s", 1, 500'000'000},
      {"1ns", 0, 1},
      {"0", 0, 0},
      {"-1s", -1, 0},
      {"-1.5s", -1, -500'000'000},
      {"2147483647d", 185'542'587'100'800, 0},
  };
  for (const Instant& row : rows) {
    const auto duration = ParseProtoDuration(row.text);
    ASSERT_TRUE(duration.ok()) << row.text << ": " << duration.status();
    EXPECT_EQ(duration->seconds(), row.seconds) << row.text;
    EXPECT_EQ(duration->nanos(), row.nanos) << row.text;
  }
}

TEST(ParseTest, NoDurations) {
  for (const std::string text :
       {"", "d", "s", "30", "soon", "inf", "-inf", "1.5d", "2147483648d",
        "1d12h", "30 s", "9223372036854775807h"}) {
    const auto duration = ParseDuration(text);
    ASSERT_FALSE(duration.ok()) << text;
    EXPECT_EQ(duration.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_NE(std::string(duration.status().message()).find("'" + text + "'"),
              std::string::npos)
        << duration.status();
  }
}

TEST(ParseTest, Timestamps) {
  const std::vector<Instant> rows = {
      {"1970-01-01T00:00:00Z", 0, 0},
      {"2030-03-17T17:46:40Z", 1'900'000'000, 0},
      {"2030-03-17T18:46:40.000000001+01:00", 1'900'000'000, 1},
      {"1969-12-31T23:59:59.5Z", -1, 500'000'000},
  };
  for (const Instant& row : rows) {
    const auto time = ParseProtoTimestamp(row.text);
    ASSERT_TRUE(time.ok()) << row.text << ": " << time.status();
    EXPECT_EQ(time->seconds(), row.seconds) << row.text;
    EXPECT_EQ(time->nanos(), row.nanos) << row.text;
  }
}

TEST(ParseTest, NoTimestamps) {
  for (const std::string text :
       {"", "noon", "2030-03-17", "2030-03-17T17:46:40", "1900000000",
        "2030-13-17T17:46:40Z", "infinite-future", "infinite-past"}) {
    const auto time = ParseProtoTimestamp(text);
    ASSERT_FALSE(time.ok()) << text;
    EXPECT_EQ(time.status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(ParseTest, Integers) {
  EXPECT_EQ(*ParseInteger<int64_t>("-9223372036854775808"), INT64_MIN);
  EXPECT_EQ(*ParseInteger<uint64_t>("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(*ParseInteger<uint32_t>("010"), 10u);
  for (const std::string text :
       {"", " 1", "1 ", "0x1", "1.0", "-1", "+1", "4294967296", "one"}) {
    EXPECT_EQ(ParseInteger<uint32_t>(text).status().code(),
              absl::StatusCode::kInvalidArgument)
        << text;
  }
}

TEST(ParseTest, Addresses) {
  for (const std::string text :
       {"127.0.0.1:7411", "localhost:1", "[::1]:65535"}) {
    EXPECT_TRUE(CheckAddress(text).ok()) << text;
  }
  for (const std::string text :
       {"", "localhost", ":7411", "a:", "a:0", "a:65536", "a:+1"}) {
    EXPECT_EQ(CheckAddress(text).code(), absl::StatusCode::kInvalidArgument)
        << text;
  }
}

}  // namespace
}  // namespace latchkey::client
