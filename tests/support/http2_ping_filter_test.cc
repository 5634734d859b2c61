#include "tests/support/http2_ping_filter.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace latchkey {
namespace {

constexpr char kData = 0;
constexpr char kPing = 6;
constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

std::string Frame(char type, size_t payload_bytes) {
  std::string frame = {static_cast<char>(payload_bytes >> 16),
                       static_cast<char>(payload_bytes >> 8),
                       static_cast<char>(payload_bytes),
                       type,
                       0,
                       0,
                       0,
                       0,
                       1};
  // Bytes that would be PINGs to a filter that had lost its place.
  frame.append(payload_bytes, kPing);
  return frame;
}

std::string Filter(Http2PingFilter& filter, std::string_view bytes) {
  const auto passed = filter.Filter(
      {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  return {passed.begin(), passed.end()};
}

TEST(Http2PingFilterTest, TakesOutPingsHoweverTheBytesAreCut) {
  const std::string preface(kPreface);
  const std::string bytes = preface + Frame(kPing, 8) + Frame(kData, 300) +
                            Frame(kPing, 8) + Frame(kPing, 8) + Frame(kData, 0);
  const std::string without = preface + Frame(kData, 300) + Frame(kData, 0);
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    Http2PingFilter filter;
    std::string passed = Filter(filter, bytes.substr(0, cut));
    passed += Filter(filter, bytes.substr(cut));
    EXPECT_EQ(passed, without) << cut;
  }
}

TEST(Http2PingFilterTest, LeavesWhatIsNotHttp2) {
  for (const std::string begin : {"", "P", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r"}) {
    Http2PingFilter filter;
    const std::string bytes = begin + "x" + Frame(kPing, 8);
    EXPECT_EQ(Filter(filter, bytes), bytes);
  }
}

}  // namespace
}  // namespace latchkey
