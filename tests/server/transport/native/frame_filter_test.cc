#include "server/transport/native/frame_filter.h"

#include <gtest/gtest.h>

namespace latchkey {
namespace {

using Verdict = FrameFilter::Verdict;

constexpr size_t kResetsKept = 3;

wire::FrameHead Data(uint32_t stream) {
  return {.size = 4, .type = wire::FrameType::kData, .stream = stream};
}
wire::FrameHead Headers(uint32_t stream) {
  return {.size = 7,
          .type = wire::FrameType::kHeaders,
          .flags = wire::kEndHeadersFlag,
          .stream = stream};
}
wire::FrameHead Reset(uint32_t stream) {
  return {.size = 4, .type = wire::FrameType::kRstStream, .stream = stream};
}
wire::FrameHead Window(uint32_t stream) {
  return {.size = 4, .type = wire::FrameType::kWindowUpdate, .stream = stream};
}
wire::FrameHead Priority(uint32_t stream) {
  return {.size = 5, .type = wire::FrameType::kPriority, .stream = stream};
}

// Opens `stream` so that nghttp2 knows of it.
void Open(FrameFilter& filter, uint32_t stream) {
  ASSERT_EQ(filter.Judge(Headers(stream), false), Verdict::kOpens);
  filter.OnPassed(stream);
}

TEST(FrameFilterTest, OnlyResetsOfStreamsThatWereNotOpenedAreLeftOut) {
  FrameFilter filter(kResetsKept);
  Open(filter, 1);
  EXPECT_EQ(filter.Judge(Data(1), false), Verdict::kPass);
  EXPECT_EQ(filter.Judge(Reset(1), false), Verdict::kPass);
  EXPECT_EQ(filter.Judge(Reset(3), false), Verdict::kLeaveOut);
  EXPECT_TRUE(filter.ends_in_idle_reset());
  Open(filter, 5);
  EXPECT_FALSE(filter.ends_in_idle_reset());
  EXPECT_EQ(filter.Judge(Reset(3), false), Verdict::kPass);
  EXPECT_EQ(filter.Judge(Reset(2), false), Verdict::kPass);
  wire::FrameHead of_bad_size = Reset(9);
  of_bad_size.size = 5;
  EXPECT_EQ(filter.Judge(of_bad_size, false), Verdict::kPass);
  EXPECT_EQ(filter.Judge(Window(9), false), Verdict::kPass);
  EXPECT_EQ(filter.Judge(Data(9), false), Verdict::kPass);
  EXPECT_FALSE(filter.ends_in_idle_reset());
}

TEST(FrameFilterTest, WhatComesLateForAStreamThatNghttp2NeverSawIsLeftOut) {
  FrameFilter filter(kResetsKept);
  Open(filter, 1);
  ASSERT_EQ(filter.Judge(Headers(3), false), Verdict::kOpens);
  // While it is DirectPath's.
  EXPECT_EQ(filter.Judge(Window(3), true), Verdict::kPass);
  // And when it is over.
  EXPECT_EQ(filter.Judge(Window(3), false), Verdict::kLeaveOut);
  EXPECT_EQ(filter.Judge(Reset(3), false), Verdict::kLeaveOut);
  EXPECT_FALSE(filter.ends_in_idle_reset());
  EXPECT_EQ(filter.Judge(Priority(3), false), Verdict::kLeaveOut);
  wire::FrameHead of_bad_size = Window(3);
  of_bad_size.size = 3;
  EXPECT_EQ(filter.Judge(of_bad_size, false), Verdict::kPass);
  EXPECT_EQ(filter.Judge(Data(3), false), Verdict::kClosed);
  EXPECT_EQ(filter.Judge(Headers(3), false), Verdict::kClosed);
  // nghttp2 knows that a stream is closed when it has seen a later one.
  Open(filter, 5);
  EXPECT_EQ(filter.Judge(Window(3), false), Verdict::kPass);
  EXPECT_EQ(filter.Judge(Data(3), false), Verdict::kPass);
}

TEST(FrameFilterTest, DataBehindAResetIsLeftOut) {
  FrameFilter filter(kResetsKept);
  Open(filter, 1);
  Open(filter, 3);
  filter.Judge(Reset(1), false);
  EXPECT_EQ(filter.Judge(Data(1), false), Verdict::kAfterReset);
  EXPECT_EQ(filter.Judge(Data(1), false), Verdict::kAfterReset);
  EXPECT_EQ(filter.Judge(Data(3), false), Verdict::kPass);
  EXPECT_EQ(filter.Judge(Window(1), false), Verdict::kPass);
  // nghttp2 has to read the block.
  EXPECT_EQ(filter.Judge(Headers(1), false), Verdict::kPass);
  // One of DirectPath's, which tells nghttp2 of it to reset it.
  ASSERT_EQ(filter.Judge(Headers(5), false), Verdict::kOpens);
  EXPECT_EQ(filter.Judge(Reset(5), true), Verdict::kPass);
  filter.OnPassed(5);
  EXPECT_EQ(filter.Judge(Data(5), false), Verdict::kAfterReset);
  // A bad reset is none, nor is one of a stream that is over and unknown.
  wire::FrameHead of_bad_size = Reset(3);
  of_bad_size.size = 5;
  filter.Judge(of_bad_size, false);
  EXPECT_EQ(filter.Judge(Data(3), false), Verdict::kPass);
  ASSERT_EQ(filter.Judge(Headers(7), false), Verdict::kOpens);
  filter.Judge(Reset(7), false);
  EXPECT_EQ(filter.Judge(Data(7), false), Verdict::kClosed);
}

TEST(FrameFilterTest, TheFirstResetIsForgottenFirst) {
  FrameFilter filter(kResetsKept);
  for (const uint32_t stream : {1u, 3u, 5u, 7u, 9u}) {
    Open(filter, stream);
    filter.Judge(Reset(stream), false);
  }
  for (const uint32_t stream : {1u, 3u}) {
    EXPECT_EQ(filter.Judge(Data(stream), false), Verdict::kPass);
  }
  for (const uint32_t stream : {5u, 7u, 9u}) {
    EXPECT_EQ(filter.Judge(Data(stream), false), Verdict::kAfterReset);
  }
}

TEST(FrameFilterTest, NumbersAscend) {
  FrameFilter filter(kResetsKept);
  Open(filter, 5);
  EXPECT_EQ(filter.Judge(Headers(1), false), Verdict::kNotAscending);
  EXPECT_EQ(filter.Judge(Headers(3), false), Verdict::kNotAscending);
  // Trailers.
  EXPECT_EQ(filter.Judge(Headers(5), false), Verdict::kPass);
  Open(filter, 7);
  EXPECT_EQ(filter.Judge(Headers(3), false), Verdict::kNotAscending);
  EXPECT_EQ(filter.Judge(Headers(5), false), Verdict::kPass);
  Open(filter, 15);
  EXPECT_EQ(filter.Judge(Headers(9), false), Verdict::kNotAscending);
  EXPECT_EQ(filter.Judge(Headers(13), false), Verdict::kNotAscending);
}

TEST(FrameFilterTest, NothingIsLeftOutOfABlockOfHeaders) {
  FrameFilter filter(kResetsKept);
  ASSERT_EQ(filter.Judge(Headers(1), false), Verdict::kOpens);
  wire::FrameHead begin = Headers(3);
  begin.flags = 0;
  EXPECT_EQ(filter.Judge(begin, false), Verdict::kOpens);
  EXPECT_TRUE(filter.in_block());
  EXPECT_EQ(filter.Judge(Window(1), false), Verdict::kPass);
  EXPECT_EQ(filter.Judge(Reset(9), false), Verdict::kPass);
  wire::FrameHead more = {.type = wire::FrameType::kContinuation, .stream = 3};
  filter.Judge(more, false);
  EXPECT_TRUE(filter.in_block());
  more.flags = wire::kEndHeadersFlag;
  filter.Judge(more, false);
  EXPECT_FALSE(filter.in_block());
  EXPECT_EQ(filter.Judge(Window(1), false), Verdict::kLeaveOut);
}

TEST(FrameFilterTest, NoFrameIsLargerThan16KiB) {
  FrameFilter filter(kResetsKept);
  wire::FrameHead head = {.size = 16'384,
                          .type = wire::FrameType::kContinuation};
  EXPECT_EQ(filter.Judge(head, false), Verdict::kPass);
  head.size = 16'385;
  EXPECT_EQ(filter.Judge(head, false), Verdict::kTooLarge);
}

TEST(FrameFilterTest, CountsFramesThatMoveNoCall) {
  FrameFilter filter(kResetsKept);
  Open(filter, 1);
  filter.Judge(Data(1), false);
  filter.Judge(Window(1), false);
  wire::FrameHead end = {.type = wire::FrameType::kData, .stream = 1};
  end.flags = wire::kEndStreamFlag;
  filter.Judge(end, false);
  EXPECT_EQ(filter.TakeControlFrames(), 0);
  filter.Judge({.type = wire::FrameType::kData, .stream = 1}, false);
  filter.Judge(Reset(1), false);
  filter.Judge(Reset(3), false);
  filter.Judge({.size = 8, .type = wire::FrameType::kPing}, false);
  filter.Judge({.type = wire::FrameType::kSettings}, false);
  filter.Judge({.size = 1, .type = static_cast<wire::FrameType>(0x77)}, false);
  filter.Judge(Priority(1), false);
  EXPECT_EQ(filter.TakeControlFrames(), 7);
  EXPECT_EQ(filter.TakeControlFrames(), 0);
}

}  // namespace
}  // namespace latchkey
