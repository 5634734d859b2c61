#include "server/transport/native/frame_filter.h"

#include <gtest/gtest.h>

#include <string>

namespace latchkey {
namespace {

constexpr char kPreface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

std::string Frame(int type, int stream, const std::string& payload) {
  std::string frame(9, '\0');
  frame[2] = static_cast<char>(payload.size());
  frame[3] = static_cast<char>(type);
  frame[8] = static_cast<char>(stream);
  return frame + payload;
}

std::string Data(int stream) { return Frame(0, stream, "data"); }
std::string Headers(int stream) { return Frame(1, stream, "headers"); }
std::string Reset(int stream) {
  return Frame(3, stream, std::string("\0\0\0\x8", 4));
}

// What passes of `bytes` when they come in pieces of `piece` bytes.
std::string Filter(FrameFilter& filter, const std::string& bytes,
                   size_t piece) {
  std::string passed;
  for (size_t begin = 0; begin < bytes.size(); begin += piece) {
    std::string_view input = std::string_view(bytes).substr(begin, piece);
    while (!input.empty()) passed += filter.Next(&input);
  }
  return passed;
}

TEST(FrameFilterTest, OnlyResetsOfStreamsThatWereNotOpenedAreLeftOut) {
  const std::string before = kPreface + Headers(1) + Data(1) + Reset(1);
  const std::string after = Headers(5) + Reset(5) + Reset(3) + Data(5) +
                            Frame(3, 2, "even") + Frame(3, 9, "short") +
                            Frame(6, 0, "12345678");
  for (size_t piece = 1; piece < 40; ++piece) {
    FrameFilter filter;
    EXPECT_EQ(Filter(filter, before + Reset(3) + Reset(3) + after, piece),
              before + after)
        << piece;
    EXPECT_FALSE(filter.ends_in_idle_reset());
  }
}

TEST(FrameFilterTest, KnowsWhetherTheLastFrameWasLeftOut) {
  FrameFilter filter;
  EXPECT_EQ(Filter(filter, kPreface + Reset(1), 7), kPreface);
  EXPECT_TRUE(filter.ends_in_idle_reset());
  EXPECT_EQ(Filter(filter, Headers(3), 100), Headers(3));
  EXPECT_FALSE(filter.ends_in_idle_reset());
}

TEST(FrameFilterTest, CountsFramesThatMoveNoCall) {
  for (size_t piece = 1; piece < 40; ++piece) {
    FrameFilter filter;
    std::string end = Frame(0, 1, "");
    Filter(filter, kPreface + Headers(1) + Data(1) + Frame(8, 1, "1234"),
           piece);
    EXPECT_EQ(filter.TakeControlFrames(), 0);
    end[4] = 1;
    Filter(filter,
           end + Frame(0, 1, "") + Reset(1) + Reset(3) +
               Frame(6, 0, "12345678") + Frame(4, 0, "") + Frame(0x77, 0, "?") +
               Frame(2, 1, "12345"),
           piece);
    EXPECT_EQ(filter.TakeControlFrames(), 7) << piece;
    EXPECT_EQ(filter.TakeControlFrames(), 0);
  }
}

TEST(FrameFilterTest, NothingIsHeldBackButPartsOfHeads) {
  FrameFilter filter;
  EXPECT_EQ(Filter(filter, "PRI", 100), "PRI");
  EXPECT_EQ(Filter(filter, std::string(kPreface).substr(3), 100),
            std::string(kPreface).substr(3));
  const std::string data = Data(1);
  EXPECT_EQ(Filter(filter, data.substr(0, 8), 100), "");
  EXPECT_EQ(Filter(filter, data.substr(8, 3), 100), data.substr(0, 11));
  EXPECT_EQ(Filter(filter, data.substr(11), 100), data.substr(11));
}

}  // namespace
}  // namespace latchkey
