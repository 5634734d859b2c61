#include "tests/support/http2_frame_scanner.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace latchkey {
namespace {

constexpr char kData = 0;
constexpr char kHeaders = 1;
constexpr char kSettings = 4;
constexpr char kPing = 6;

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
  // Bytes that would be frames to a scanner that had lost its place.
  frame.append(payload_bytes, '\1');
  return frame;
}

std::optional<size_t> Scan(Http2FrameScanner& scanner, std::string_view bytes) {
  return scanner.Scan(
      {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
}

TEST(Http2FrameScannerTest, FindsTheFirstReplyFrameBehindOthers) {
  for (const char type : {kData, kHeaders}) {
    Http2FrameScanner scanner;
    const std::string before = Frame(kSettings, 6) + Frame(kPing, 8);
    EXPECT_EQ(Scan(scanner, before + Frame(type, 70'000) + Frame(type, 1)),
              before.size());
    EXPECT_EQ(Scan(scanner, Frame(kSettings, 0)), std::nullopt);
    EXPECT_EQ(Scan(scanner, Frame(type, 3)), 0u);
  }
}

TEST(Http2FrameScannerTest, KeepsItsPlaceHoweverTheBytesAreCut) {
  const std::string before = Frame(kSettings, 300) + Frame(kPing, 8);
  const std::string bytes = before + Frame(kHeaders, 20);
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    Http2FrameScanner scanner;
    const auto first = Scan(scanner, bytes.substr(0, cut));
    const auto second = Scan(scanner, bytes.substr(cut));
    // The type is the fourth byte.
    if (cut > before.size() + 3) {
      EXPECT_EQ(first, before.size()) << cut;
      EXPECT_EQ(second, std::nullopt) << cut;
    } else {
      EXPECT_EQ(first, std::nullopt) << cut;
      EXPECT_EQ(second, cut < before.size() ? before.size() - cut : 0) << cut;
    }
  }
}

TEST(Http2FrameScannerTest, TakesOneByteAtATime) {
  Http2FrameScanner scanner;
  int found = 0;
  for (const char byte : Frame(kSettings, 18) + Frame(kHeaders, 9) +
                             Frame(kData, 0) + Frame(kPing, 8)) {
    if (Scan(scanner, std::string(1, byte)).has_value()) ++found;
  }
  EXPECT_EQ(found, 2);
}

}  // namespace
}  // namespace latchkey
