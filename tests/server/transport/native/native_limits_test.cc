// What the native transport does to clients that want too much, and that others
// do not notice: each test ends with a fresh call.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/server/transport/native/native_fixture.h"

namespace latchkey {
namespace {

constexpr char kEcho[] = "/test.Test/Echo";

std::string GoodCall(int stream) {
  return RawClient::Headers(stream, kEcho) + Data(stream, Framed(Request("x")));
}

TEST_F(NativeServerTest, BadPrefacesAndFramesEndTheirConnectionOnly) {
  const std::string begin = kPreface + Frame(NGHTTP2_SETTINGS, 0, 0, "");
  const std::string rows[] = {
      "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
      std::string(1000, '\0'),
      std::string("\x16\x03\x01\x00\xc8\x01", 6) + std::string(200, 'Z'),
      std::string(kPreface) + Ping(),
      begin + Frame(NGHTTP2_SETTINGS, 0, 0, "x"),
      begin + Frame(NGHTTP2_SETTINGS, 0, 1, ""),
      begin + Frame(NGHTTP2_PING, 0, 0, "short"),
      begin + Frame(NGHTTP2_DATA, 0, 0, "x"),
      begin + Frame(NGHTTP2_DATA, 0, 1, "x"),
      begin + Frame(NGHTTP2_HEADERS, kEndHeaders, 1, "\xff\xff\xff\xff\xff"),
      begin + Frame(NGHTTP2_HEADERS, kEndHeaders, 2, Block(CallHeaders(kEcho))),
      begin + Frame(NGHTTP2_CONTINUATION, kEndHeaders, 1, ""),
      begin + Frame(NGHTTP2_HEADERS, 0, 1, "") + Ping(),
      begin + Frame(NGHTTP2_PUSH_PROMISE, kEndHeaders, 1, "1234"),
      begin + WindowUpdate(0, 0x7fffffff),
      begin + WindowUpdate(0, 0),
      begin + Number(0xffffff, 3) + std::string(60'000, '\0'),
  };
  for (const std::string& row : rows) {
    RawClient bad(port_);
    bad.Send(row);
    EXPECT_TRUE(bad.AwaitEnd().closed);
    EXPECT_EQ(client_.Call(kEcho, Request("x")).status, "0");
  }
}

TEST_F(NativeServerTest, ResetOfAStreamThatWasNeverOpenedHarmsNoCall) {
  client_.Send(RawClient::Headers(1, "/test.Test/Hold") +
               Data(1, Framed(Request("x"))) + Reset(3) + GoodCall(5));
  EXPECT_EQ(client_.Await(5).status, "0");
  ReleaseHeld();
  EXPECT_EQ(client_.Await(1).status, "0");
  // Where nothing follows, it is the error that HTTP/2 makes it.
  client_.Send(Reset(7));
  const RawAnswer end = client_.AwaitEnd();
  EXPECT_EQ(end.goaway, uint32_t{NGHTTP2_PROTOCOL_ERROR});
}

class CalmTest : public NativeServerTest {
 protected:
  CalmTest()
      : NativeServerTest({.resets_per_second_max = 100,
                          .control_frames_per_second_max = 100,
                          .ping_interval = 1'000 * kNanosPerSecond}) {}

  static constexpr int kTooMany = 1'000;
};

TEST_F(CalmTest, RapidResetIsToldToBeCalm) {
  std::string attack;
  for (int stream = 1; stream < 2 * kTooMany; stream += 2) {
    attack += RawClient::Headers(stream, kEcho) + Reset(stream);
  }
  client_.Send(attack);
  EXPECT_EQ(client_.AwaitEnd().goaway, uint32_t{NGHTTP2_ENHANCE_YOUR_CALM});
}

TEST_F(CalmTest, ResetsThatTheServerIsMadeToSendCountToo) {
  std::string attack;
  for (int stream = 1; stream < 2 * kTooMany; stream += 2) {
    attack += RawClient::Headers(stream, kEcho) + WindowUpdate(stream, 0);
  }
  client_.Send(attack);
  EXPECT_TRUE(client_.AwaitEnd().goaway.has_value());
}

TEST_F(CalmTest, DataBehindAResetCountsToo) {
  std::string attack = RawClient::Headers(1, kEcho) + Reset(1);
  for (int i = 0; i < kTooMany; ++i) attack += Data(1, "x");
  client_.Send(attack);
  EXPECT_EQ(client_.AwaitEnd().goaway, uint32_t{NGHTTP2_ENHANCE_YOUR_CALM});
}

TEST_F(CalmTest, FloodsOfControlFramesAreToldToBeCalm) {
  for (const std::string& frame :
       {Ping(NGHTTP2_FLAG_ACK), Frame(NGHTTP2_SETTINGS, 0, 0, ""),
        Frame(NGHTTP2_PRIORITY, 0, 1, "12345"), Frame(0x77, 0, 0, "unknown")}) {
    RawClient flood(port_);
    flood.Handshake();
    std::string attack;
    for (int i = 0; i < kTooMany; ++i) attack += frame;
    flood.Send(attack);
    const RawAnswer end = flood.AwaitEnd();
    EXPECT_TRUE(end.closed);
    // nghttp2 has limits of its own, after which nothing is said.
    EXPECT_EQ(end.goaway.value_or(NGHTTP2_ENHANCE_YOUR_CALM),
              uint32_t{NGHTTP2_ENHANCE_YOUR_CALM});
  }
  // Empty DATA of an open stream.
  client_.Send(RawClient::Headers(1, kEcho));
  std::string attack;
  for (int i = 0; i < kTooMany; ++i) attack += Data(1, "", 0);
  client_.Send(attack);
  EXPECT_EQ(client_.AwaitEnd().goaway, uint32_t{NGHTTP2_ENHANCE_YOUR_CALM});
}

TEST_F(NativeServerTest, ContinuationsWithoutEndEndTheirConnection) {
  client_.Send(Frame(NGHTTP2_HEADERS, 0, 1, Block(CallHeaders(kEcho))));
  std::string attack;
  for (int i = 0; i < 1'000; ++i) {
    attack += Frame(NGHTTP2_CONTINUATION, 0, 1,
                    Block({{"x", std::string(1'000, 'x')}}));
  }
  client_.Send(attack);
  EXPECT_TRUE(client_.AwaitEnd().closed);
}

class FewCallsTest : public NativeServerTest {
 protected:
  FewCallsTest()
      : NativeServerTest({.calls_per_connection_max = 2,
                          .calls_max = 3,
                          .about_server_calls_per_connection_max = 1}) {}

  static void ExpectRefused(RawAnswer answer) {
    EXPECT_EQ(answer.status, "14");
    EXPECT_EQ(answer.headers["grpc-retry-pushback-ms"], "200");
  }

  std::string Hold(int stream) {
    return RawClient::Headers(stream, "/test.Test/Hold") +
           Data(stream, Framed(Request("x")));
  }
};

TEST_F(FewCallsTest, CallsCountUntilTheirHandlersEnd) {
  client_.Send(Hold(1) + Hold(3));
  WaitUntil([this] { return held() == 2; });
  // Reset, but the handlers still run.
  client_.Send(Reset(1) + Reset(3) + GoodCall(5));
  ExpectRefused(client_.Await(5));
  // Another connection has the last one of all.
  RawClient other(port_);
  other.Handshake();
  other.Send(Hold(1));
  WaitUntil([this] { return held() == 3; });
  other.Send(GoodCall(3));
  ExpectRefused(other.Await(3));
  EXPECT_EQ(methods_.metrics().admission().shed(ShedCause::kLiveCalls), 2u);
  ReleaseHeld();
  EXPECT_EQ(other.Await(1).status, "0");
  EXPECT_EQ(client_.Call(kEcho, Request("x")).status, "0");
}

TEST_F(FewCallsTest, AFullServerStillTellsItsHealth) {
  client_.Send(Hold(1) + Hold(3));
  RawClient other(port_);
  other.Handshake();
  other.Send(Hold(1));
  WaitUntil([this] { return held() == 3; });
  EXPECT_EQ(client_.Call("/test.Test/Health", Request("x")).status, "0");
  EXPECT_EQ(other.Call("/test.Test/Health", Request("x")).status, "0");
}

TEST_F(FewCallsTest, WhoOpensMoreThanAllSlotsIsReset) {
  client_.Send(Hold(1) + Hold(3));
  WaitUntil([this] { return held() == 2; });
  // nghttp2 counts open streams, of which there are two more than it allows.
  client_.Send(RawClient::Headers(5, kEcho) + RawClient::Headers(7, kEcho));
  EXPECT_EQ(client_.Await(7).reset, uint32_t{NGHTTP2_REFUSED_STREAM});
}

class SmallBudgetsTest : public NativeServerTest {
 protected:
  SmallBudgetsTest()
      : NativeServerTest({.request_bytes_max = 100'000,
                          .connection_reply_bytes_max = 300'000}) {}
};

TEST_F(SmallBudgetsTest, WhoDoesNotReadGetsNoMoreAnswers) {
  // The window lets 64 KiB of them go.
  constexpr int kStreams = 41;
  std::string calls;
  for (int stream = 1; stream < kStreams; stream += 2) {
    calls += RawClient::Headers(stream, "/test.Test/Sized") +
             Data(stream, Framed(Request("100000")));
  }
  client_.Send(calls);
  constexpr int kLast = kStreams - 2;
  RawAnswer answer = client_.Await(kLast, /*opens_windows=*/false);
  EXPECT_EQ(answer.status, "14");
  EXPECT_EQ(answer.headers["grpc-retry-pushback-ms"], "200");
  // The handlers of the others were not even asked.
  const int begun = sized_calls_;
  EXPECT_GE(begun, 3);
  EXPECT_LE(begun, 5);
  client_.Send(WindowUpdate(0, 10'000'000));
  int answered = 0;
  for (int stream = 1; stream < kLast; stream += 2) {
    client_.Send(WindowUpdate(stream, 10'000'000));
    const std::string status = client_.Await(stream).status;
    EXPECT_THAT(status, testing::AnyOf("0", "14"));
    answered += status == "0" ? 1 : 0;
  }
  EXPECT_EQ(answered, begun);
}

TEST_F(SmallBudgetsTest, HalfRequestsHoldNoMoreThanTheirBudget) {
  std::string halves;
  for (int stream = 1; stream < 41; stream += 2) {
    halves += RawClient::Headers(stream, kEcho) +
              Data(stream, Framed(std::string(10'000, 'x'), 0, 20'000), 0);
  }
  client_.Send(halves);
  EXPECT_EQ(client_.Await(39).status, "14");
  std::string resets;
  for (int stream = 1; stream < 41; stream += 2) resets += Reset(stream);
  client_.Send(resets);
  EXPECT_EQ(client_.Call(kEcho, Request("x")).status, "0");
}

TEST_F(NativeServerTest, EndlessStreamWaitsForItsReader) {
  client_.Send(RawClient::Headers(1, "/test.Test/Endless"));
  EXPECT_EQ(client_.ReadData(1, 65'535).size(), 65'535u);
  // The connection's window was used up as well.
  client_.Send(WindowUpdate(0, 1'000'000));
  EXPECT_EQ(client_.Call(kEcho, Request("x")).status, "0");
  client_.Send(Reset(1));
  WaitUntil([this] { return log_.done.load(); });
  EXPECT_EQ(log_.end, EndReason::kClientCancelled);
}

// The tests of time limits set one each, so that on a machine that stands still
// for a while none ends by the limit of another.
constexpr Nanos kHaste = 300 * kNanosPerMilli;

class HandshakeTimeTest : public NativeFixture {
 protected:
  // Long enough for the check that follows the test.
  HandshakeTimeTest()
      : NativeFixture({.handshake_time_max = kNanosPerSecond}) {}
};

TEST_F(HandshakeTimeTest, WhoSaysNothingIsDropped) {
  RawClient silent(port_);
  RawClient half(port_);
  half.Send(std::string(kPreface).substr(0, 10));
  EXPECT_TRUE(silent.AwaitEnd().closed);
  EXPECT_TRUE(half.AwaitEnd().closed);
}

class RequestTimeTest : public NativeServerTest {
 protected:
  RequestTimeTest() : NativeServerTest({.request_time_max = kHaste}) {}
};

TEST_F(RequestTimeTest, SlowRequestEndsAndItsConnectionDoesNot) {
  client_.Send(RawClient::Headers(1, kEcho) + Data(1, "\0", 0));
  EXPECT_EQ(client_.Await(1).status, "4");
  EXPECT_EQ(client_.Call(kEcho, Request("x")).status, "0");
}

class ReplyTimeTest : public NativeServerTest {
 protected:
  ReplyTimeTest() : NativeServerTest({.reply_time_max = kHaste}) {}
};

TEST_F(ReplyTimeTest, UnreadAnswerIsReset) {
  client_.Send(RawClient::Headers(1, "/test.Test/Sized") +
               Data(1, Framed(Request("100000"))));
  EXPECT_EQ(client_.ReadData(1, 65'535).size(), 65'535u);
  EXPECT_EQ(client_.Await(1).reset, uint32_t{NGHTTP2_CANCEL});
}

class PingTest : public NativeServerTest {
 protected:
  PingTest()
      : NativeServerTest({.ping_interval = 1500 * kNanosPerMilli,
                          .ping_timeout = 500 * kNanosPerMilli}) {}
};

TEST_F(PingTest, SilentConnectionIsPingedAndThenClosed) {
  EXPECT_TRUE(client_.AwaitFrame(NGHTTP2_PING, 0));
  EXPECT_TRUE(client_.AwaitEnd().closed);
}

class FewConnectionsTest : public NativeFixture {
 protected:
  FewConnectionsTest() : NativeFixture({.connections_max = 2}) {}
};

TEST_F(FewConnectionsTest, OneMoreIsClosedAndTheOthersAreServed) {
  RawClient first(port_);
  first.Handshake();
  EXPECT_EQ(first.Call(kEcho, Request("x")).status, "0");
  {
    RawClient second(port_);
    second.Handshake();
    EXPECT_EQ(second.Call(kEcho, Request("x")).status, "0");
    RawClient third(port_);
    EXPECT_TRUE(third.AwaitEnd().closed);
    EXPECT_EQ(first.Call(kEcho, Request("x")).status, "0");
  }
  WaitUntil([this] { return server_->connections() == 1; });
}

}  // namespace
}  // namespace latchkey
