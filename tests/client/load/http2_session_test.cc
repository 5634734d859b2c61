// What servers may do, byte by byte.

#include "client/load/http2_session.h"

#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/wire/big_endian.h"
#include "proto/wire/message_reader.h"

namespace latchkey::load {
namespace {

using wire::FrameHead;
using wire::FrameType;

constexpr uint8_t kPadded = 8;
constexpr uint8_t kEnd = wire::kEndStreamFlag;
constexpr uint8_t kWhole = wire::kEndHeadersFlag;

std::string Number(uint32_t number) {
  std::string text(4, '\0');
  wire::WriteUint32(number, text.data());
  return text;
}

std::string Frame(FrameType type, uint8_t flags, uint32_t stream,
                  std::string_view payload) {
  std::string frame(wire::kFrameHeadBytes, '\0');
  wire::WriteFrameHead(
      {.size = payload.size(), .type = type, .flags = flags, .stream = stream},
      frame.data());
  return frame.append(payload);
}

std::string Settings(uint16_t name = 0, uint32_t value = 0) {
  return Frame(FrameType::kSettings, 0, 0,
               Number(name).substr(2) + Number(value));
}

// A header that goes into no table, or into HPACK's.
std::string Header(std::string_view name, std::string_view value,
                   bool kept = false) {
  std::string text(1, kept ? '\x40' : '\0');
  text += static_cast<char>(name.size());
  text += name;
  text += static_cast<char>(value.size());
  return text.append(value);
}

std::string Framed(std::string_view message) {
  return '\0' + Number(static_cast<uint32_t>(message.size())) +
         std::string(message);
}

const std::string kOkHeaders = Header(":status", "200");
const std::string kOkTrailers = Header("grpc-status", "0");

std::string Headers(uint32_t stream, std::string_view block,
                    uint8_t flags = kWhole) {
  return Frame(FrameType::kHeaders, flags, stream, block);
}

std::string Answer(uint32_t stream, std::string_view message) {
  return Headers(stream, kOkHeaders) +
         Frame(FrameType::kData, 0, stream, Framed(message)) +
         Headers(stream, kOkTrailers, kWhole | kEnd);
}

struct SentFrame {
  FrameHead head;
  std::string payload;
};

class Http2SessionTest : public testing::Test {
 protected:
  Http2SessionTest() : session_({.authority = "test"}, &ended_) {
    std::string& output = *session_.output();
    EXPECT_TRUE(output.starts_with("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
    output.clear();
  }

  NativeCall MakeCall(std::string_view message) {
    NativeCall call;
    call.request = Framed(message);
    return call;
  }

  void Ready() {
    ASSERT_TRUE(session_.Receive(Settings()));
    Sent();
  }

  // What was sent since it was asked last.
  std::vector<SentFrame> Sent() {
    std::vector<SentFrame> frames;
    std::string_view bytes = *session_.output();
    while (!bytes.empty()) {
      const FrameHead head = wire::ReadFrameHead(bytes.data());
      frames.push_back({head, std::string(bytes.substr(9, head.size))});
      bytes.remove_prefix(9 + head.size);
    }
    session_.output()->clear();
    return frames;
  }

  size_t SentData() {
    size_t bytes = 0;
    for (const SentFrame& frame : Sent()) {
      if (frame.head.type == FrameType::kData) bytes += frame.head.size;
    }
    return bytes;
  }

  std::vector<NativeCall*> ended_;
  Http2Session session_;
};

TEST_F(Http2SessionTest, StartsWhenTheServerHasSpoken) {
  EXPECT_FALSE(session_.MayStart());
  ASSERT_TRUE(session_.Receive(Settings()));
  EXPECT_TRUE(session_.MayStart());
  const auto sent = Sent();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].head.type, FrameType::kSettings);
  EXPECT_EQ(sent[0].head.flags, 1);
}

TEST_F(Http2SessionTest, WhatIsNoHttp2Fails) {
  EXPECT_FALSE(session_.Receive("HTTP/1.1 400 Bad Request\r\n\r\n"));
  EXPECT_NE(session_.error(), "");
}

TEST_F(Http2SessionTest, TakesAnAnswerInPiecesOfAnySize) {
  for (size_t part : {1, 2, 7, 10, 100}) {
    std::vector<NativeCall*> ended;
    Http2Session session({.authority = "test"}, &ended);
    ASSERT_TRUE(session.Receive(Settings()));
    NativeCall call = MakeCall("ask");
    session.Start(&call);
    const std::string answer =
        Headers(1, kOkHeaders) +
        Frame(FrameType::kData, kPadded, 1,
              '\2' + Framed("answer").substr(0, 3) + "xx") +
        Frame(FrameType::kData, 0, 1, Framed("answer").substr(3)) +
        Headers(1, kOkTrailers.substr(0, 3), kEnd) +
        Frame(FrameType::kContinuation, kWhole, 1, kOkTrailers.substr(3));
    for (size_t at = 0; at < answer.size(); at += part) {
      EXPECT_TRUE(ended.empty());
      ASSERT_TRUE(session.Receive(std::string_view(answer).substr(at, part)));
    }
    ASSERT_EQ(ended.size(), 1u) << part;
    EXPECT_EQ(call.answer.status, 0);
    EXPECT_EQ(call.body.substr(5), "answer");
    EXPECT_FALSE(session.has_calls());
  }
}

TEST_F(Http2SessionTest, SendsTheSameBlockAgainAndKnowsThoseOfAnswers) {
  Ready();
  std::vector<std::string> blocks;
  for (uint32_t stream = 1; stream < 9; stream += 2) {
    NativeCall call = MakeCall("");
    session_.Start(&call);
    blocks.push_back(Sent().at(0).payload);
    ASSERT_TRUE(session_.Receive(Answer(stream, "x")));
    EXPECT_EQ(call.answer.status, 0);
    EXPECT_EQ(call.answer.http_status, 200);
  }
  EXPECT_EQ(ended_.size(), 4u);
  EXPECT_LT(blocks[1].size(), blocks[0].size());
  EXPECT_EQ(blocks[2], blocks[1]);
  EXPECT_EQ(blocks[3], blocks[1]);
  // A smaller table is to be acknowledged in the next block.
  ASSERT_TRUE(
      session_.Receive(Settings(NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, 0)));
  Sent();
  NativeCall call = MakeCall("");
  session_.Start(&call);
  EXPECT_EQ(Sent().at(0).payload[0] & 0xe0, 0x20);
}

TEST_F(Http2SessionTest, WhatABlockSaysChangesWithTheTable) {
  Ready();
  NativeCall calls[3] = {MakeCall(""), MakeCall(""), MakeCall("")};
  for (NativeCall& call : calls) session_.Start(&call);
  // 0xbe: the newest of the table.
  ASSERT_TRUE(session_.Receive(
      Headers(1, Header("grpc-status", "5", true), kWhole | kEnd) +
      Headers(3, "\xbe", kWhole | kEnd) +
      // Of a stream that nobody knows.
      Headers(99, Header("grpc-status", "6", true), kWhole | kEnd) +
      Headers(5, "\xbe", kWhole | kEnd)));
  EXPECT_EQ(calls[0].answer.status, 5);
  EXPECT_EQ(calls[1].answer.status, 5);
  EXPECT_EQ(calls[2].answer.status, 6);
}

TEST_F(Http2SessionTest, TellsErrorsWithTheirTrailers) {
  Ready();
  NativeCall call = MakeCall("");
  session_.Start(&call);
  ASSERT_TRUE(session_.Receive(
      Headers(1,
              Header(":status", "200") + Header("grpc-status", "14") +
                  Header("grpc-message", "100%25") +
                  Header("grpc-status-details-bin", "AAEC") +
                  Header("grpc-retry-pushback-ms", "7") +
                  Header("latchkey-replayed", "1"),
              kWhole | kEnd)));
  EXPECT_EQ(call.answer.status, 14);
  EXPECT_EQ(call.answer.message, "100%");
  EXPECT_EQ(call.answer.details, std::string("\0\1\2", 3));
  EXPECT_EQ(call.answer.pushback, 7 * kNanosPerMilli);
  EXPECT_TRUE(call.answer.replayed);
}

TEST_F(Http2SessionTest, EveryEndThatIsNoAnswerIsAnError) {
  const struct {
    const char* what;
    std::string bytes;
    grpc::StatusCode code;
  } rows[] = {
      {"refused", Frame(FrameType::kRstStream, 0, 1, Number(7)),
       grpc::StatusCode::UNAVAILABLE},
      {"cancelled", Frame(FrameType::kRstStream, 0, 1, Number(8)),
       grpc::StatusCode::CANCELLED},
      {"reset", Frame(FrameType::kRstStream, 0, 1, Number(2)),
       grpc::StatusCode::INTERNAL},
      {"no status", Headers(1, kOkHeaders, kWhole | kEnd),
       grpc::StatusCode::INTERNAL},
      {"of HTTP", Headers(1, Header(":status", "503"), kWhole | kEnd),
       grpc::StatusCode::UNAVAILABLE},
      {"no message", Headers(1, kOkHeaders + kOkTrailers, kWhole | kEnd),
       grpc::StatusCode::INTERNAL},
      {"half a message",
       Headers(1, kOkHeaders) +
           Frame(FrameType::kData, 0, 1, Framed("ab").substr(0, 6)) +
           Headers(1, kOkTrailers, kWhole | kEnd),
       grpc::StatusCode::INTERNAL},
      {"two messages",
       Headers(1, kOkHeaders) +
           Frame(FrameType::kData, 0, 1, Framed("a") + Framed("b")) +
           Headers(1, kOkTrailers, kWhole | kEnd),
       grpc::StatusCode::INTERNAL},
      {"a compressed one",
       Headers(1, kOkHeaders) +
           Frame(FrameType::kData, 0, 1, '\1' + Framed("a").substr(1)) +
           Headers(1, kOkTrailers, kWhole | kEnd),
       grpc::StatusCode::INTERNAL},
      {"data without status",
       Headers(1, kOkHeaders) + Frame(FrameType::kData, kEnd, 1, Framed("a")),
       grpc::StatusCode::INTERNAL},
  };
  for (const auto& row : rows) {
    std::vector<NativeCall*> ended;
    Http2Session session({.authority = "test"}, &ended);
    ASSERT_TRUE(session.Receive(Settings()));
    NativeCall call = MakeCall("");
    session.Start(&call);
    ASSERT_TRUE(session.Receive(row.bytes)) << row.what;
    ASSERT_EQ(ended.size(), 1u) << row.what;
    EXPECT_EQ(call.answer.status, row.code) << row.what;
    EXPECT_FALSE(session.has_calls()) << row.what;
  }
}

TEST_F(Http2SessionTest, ABrokenProtocolEndsTheConnection) {
  const struct {
    const char* what;
    std::string bytes;
  } rows[] = {
      {"a frame too long", Frame(FrameType::kData, 0, 1,
                                 std::string(wire::kFramePayloadMax + 1, 'x'))},
      {"padding without data", Frame(FrameType::kData, kPadded, 1, "")},
      {"more padding than data", Frame(FrameType::kData, kPadded, 1, "\5xx")},
      {"data of the connection", Frame(FrameType::kData, 0, 0, "x")},
      {"headers of the connection", Headers(0, kOkHeaders)},
      {"a bad index", Headers(1, "\xff\x80\x01")},
      {"a lone CONTINUATION",
       Frame(FrameType::kContinuation, kWhole, 1, kOkHeaders)},
      {"another frame within a block",
       Headers(1, kOkHeaders, 0) + Frame(FrameType::kPing, 0, 0, "12345678")},
      {"half a setting", Frame(FrameType::kSettings, 0, 0, "12")},
      {"a window too large",
       Settings(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0x80000000)},
      {"a window that overflows",
       Frame(FrameType::kWindowUpdate, 0, 0, Number(0x7fffffff))},
      {"no window", Frame(FrameType::kWindowUpdate, 0, 0, Number(0))},
      {"a short reset", Frame(FrameType::kRstStream, 0, 1, "12")},
      {"a short ping", Frame(FrameType::kPing, 0, 0, "1234")},
      {"a short end", Frame(FrameType::kGoaway, 0, 0, "1234")},
      {"a push", Frame(static_cast<FrameType>(NGHTTP2_PUSH_PROMISE), kWhole, 1,
                       Number(2) + kOkHeaders)},
  };
  for (const auto& row : rows) {
    std::vector<NativeCall*> ended;
    Http2Session session({.authority = "test"}, &ended);
    ASSERT_TRUE(session.Receive(Settings()));
    NativeCall call = MakeCall("");
    session.Start(&call);
    EXPECT_FALSE(session.Receive(row.bytes)) << row.what;
    EXPECT_NE(session.error(), "") << row.what;
    EXPECT_EQ(session.TakeCalls(), std::vector<NativeCall*>{&call});
  }
}

TEST_F(Http2SessionTest, ABlockWithoutEndIsNotKept) {
  Ready();
  ASSERT_TRUE(session_.Receive(Headers(1, kOkHeaders, 0)));
  const std::string more = Frame(FrameType::kContinuation, 0, 1,
                                 std::string(wire::kFramePayloadMax, 'x'));
  int taken = 0;
  while (taken < 1000 && session_.Receive(more)) ++taken;
  EXPECT_LT(taken, 20);
}

TEST_F(Http2SessionTest, SendsWhatTheWindowsAllow) {
  ASSERT_TRUE(
      session_.Receive(Settings(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 40'000)));
  Sent();
  NativeCall first = MakeCall(std::string(50'000, 'x'));
  NativeCall second = MakeCall(std::string(50'000, 'x'));
  session_.Start(&first);
  EXPECT_EQ(SentData(), 40'000u);
  session_.Start(&second);
  // The connection's is 65,535.
  EXPECT_EQ(SentData(), 25'535u);
  // For a stream, where the connection has none.
  ASSERT_TRUE(
      session_.Receive(Frame(FrameType::kWindowUpdate, 0, 1, Number(20'000))));
  EXPECT_EQ(SentData(), 0u);
  ASSERT_TRUE(
      session_.Receive(Frame(FrameType::kWindowUpdate, 0, 0, Number(50'000))));
  EXPECT_EQ(SentData(), 10'005u + 14'465u);
  // The greater window is every stream's.
  ASSERT_TRUE(
      session_.Receive(Settings(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 60'000)));
  const auto sent = Sent();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[1].head.size, 10'005u);
  EXPECT_EQ(sent[1].head.flags, kEnd);
}

TEST_F(Http2SessionTest, AnEarlyEndStopsTheRestOfARequest) {
  Ready();
  NativeCall call = MakeCall(std::string(100'000, 'x'));
  session_.Start(&call);
  Sent();
  ASSERT_TRUE(
      session_.Receive(Headers(1, Header("grpc-status", "8"), kWhole | kEnd)));
  const auto sent = Sent();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].head.type, FrameType::kRstStream);
  ASSERT_TRUE(session_.Receive(
      Frame(FrameType::kWindowUpdate, 0, 0, Number(1'000'000))));
  EXPECT_EQ(SentData(), 0u);
}

TEST_F(Http2SessionTest, AnAbandonedCallIsResetAndItsAnswerDropped) {
  Ready();
  NativeCall call = MakeCall("");
  session_.Start(&call);
  Sent();
  session_.Abandon(&call);
  const auto sent = Sent();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].head.type, FrameType::kRstStream);
  ASSERT_TRUE(session_.Receive(Answer(1, "late")));
  EXPECT_TRUE(ended_.empty());
  EXPECT_EQ(call.body, "");
}

TEST_F(Http2SessionTest, KeepsToTheStreamsThatTheServerTakes) {
  ASSERT_TRUE(
      session_.Receive(Settings(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 1)));
  NativeCall call = MakeCall("");
  session_.Start(&call);
  EXPECT_FALSE(session_.MayStart());
  ASSERT_TRUE(session_.Receive(Answer(1, "")));
  EXPECT_TRUE(session_.MayStart());
}

TEST_F(Http2SessionTest, AtItsEndItGivesBackWhatWasNotLookedAt) {
  Ready();
  NativeCall first = MakeCall("");
  NativeCall second = MakeCall("");
  session_.Start(&first);
  session_.Start(&second);
  ASSERT_TRUE(session_.Receive(
      Frame(FrameType::kGoaway, 0, 0, Number(0x7fffffff) + Number(0))));
  EXPECT_TRUE(session_.is_over());
  EXPECT_FALSE(session_.MayStart());
  EXPECT_TRUE(session_.TakeReturned().empty());
  ASSERT_TRUE(
      session_.Receive(Frame(FrameType::kGoaway, 0, 0, Number(1) + Number(0))));
  EXPECT_EQ(session_.TakeReturned(), std::vector<NativeCall*>{&second});
  ASSERT_TRUE(session_.Receive(Answer(1, "x")));
  EXPECT_EQ(ended_, std::vector<NativeCall*>{&first});
  EXPECT_FALSE(session_.has_calls());
}

TEST_F(Http2SessionTest, GivesRoomBackAndAnswersPings) {
  Ready();
  ASSERT_TRUE(session_.Receive(Frame(FrameType::kPing, 0, 0, "12345678")));
  const auto sent = Sent();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].payload, "12345678");
  EXPECT_EQ(sent[0].head.flags, 1);
  // Half of 2 GiB, on a stream that nobody waits for.
  const std::string data =
      Frame(FrameType::kData, 0, 99, std::string(16'384, 'x'));
  std::string many;
  for (int i = 0; i < 1024; ++i) many += data;
  int64_t given = 0;
  for (int i = 0; i < 65; ++i) {
    ASSERT_TRUE(session_.Receive(many));
    for (const SentFrame& frame : Sent()) {
      ASSERT_EQ(frame.head.type, FrameType::kWindowUpdate);
      ASSERT_EQ(frame.head.stream, 0u);
      given += wire::ReadUint31(frame.payload.data());
    }
  }
  EXPECT_GE(given, 0x3fffffff);
}

}  // namespace
}  // namespace latchkey::load
