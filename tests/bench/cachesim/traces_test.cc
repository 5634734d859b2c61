#include "tests/bench/cachesim/traces.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

namespace latchkey {
namespace {

// The figures that traces.h names, by keys.
TEST(TracesTest, TwitterIsAsPublished) {
  constexpr uint64_t kRequests = 400'000;
  const Trace trace = MakeTrace("twitter", 1'000'000, kRequests, 0);
  ASSERT_EQ(trace.error, "");
  ASSERT_EQ(trace.requests.size(), kRequests);
  std::map<uint64_t, Request> keys;
  std::map<uint64_t, uint64_t> counts;
  for (const Request& request : trace.requests) {
    const auto [seen, is_new] = keys.emplace(request.key, request);
    EXPECT_EQ(seen->second.bytes, request.bytes);
    EXPECT_EQ(seen->second.ttl_seconds, request.ttl_seconds);
    ++counts[request.key];
  }
  const double count = static_cast<double>(keys.size());
  std::vector<uint64_t> sizes;
  std::map<uint32_t, double> ttls;
  for (const auto& [key, request] : keys) {
    sizes.push_back(trace.key_bytes + request.bytes);
    ttls[request.ttl_seconds] += 1 / count;
  }
  std::sort(sizes.begin(), sizes.end());
  EXPECT_NEAR(static_cast<double>(sizes[sizes.size() / 2]), 230, 10);
  const auto small = std::lower_bound(sizes.begin(), sizes.end(), 100u);
  EXPECT_NEAR(static_cast<double>(small - sizes.begin()) / count, 0.24, 0.01);
  EXPECT_NEAR(ttls[1'200], 0.5, 0.01);
  EXPECT_NEAR(ttls[43'200], 0.25, 0.01);
  EXPECT_NEAR(ttls[0], 0.25, 0.01);
  // By the sum of i^-1.2 up to a million, which is 5.275.
  EXPECT_NEAR(static_cast<double>(counts[0]) / kRequests, 1 / 5.275, 0.005);
  EXPECT_NEAR(static_cast<double>(counts[9]) / kRequests, 0.0631 / 5.275,
              0.001);
  const Request& last = trace.requests.back();
  EXPECT_NEAR(static_cast<double>(last.seconds), 48 * 3'600, 1);
}

TEST(TracesTest, OfAnotherNameThereIsNone) {
  EXPECT_NE(MakeTrace("no-such", 10, 10, 1).error, "");
}

}  // namespace
}  // namespace latchkey
