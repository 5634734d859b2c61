// That clients which take much, or all, leave enough to the others: what is
// bounded for each address, who pays where all is taken, and turns.

#include <gtest/gtest.h>

#include <string>

#include "server/transport/native/address_counts.h"
#include "tests/server/transport/native/native_fixture.h"

namespace latchkey {
namespace {

constexpr char kEcho[] = "/test.Test/Echo";

constexpr Nanos kHaste = 300 * kNanosPerMilli;

std::string Begun(int stream) { return RawClient::Headers(stream, kEcho); }

TEST(AddressCountsTest, AnAddressHasHalfAndThisMachineAll) {
  const NativeServerOptions options = {.connections_max = 4};
  AddressCounts counts(options);
  const std::string other("\x0a\0\0\1", 4);
  EXPECT_TRUE(counts.Add(other));
  EXPECT_TRUE(counts.Add(other));
  EXPECT_FALSE(counts.Add(other));
  EXPECT_TRUE(counts.Add(std::string("\x0a\0\0\2", 4)));
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(counts.Add(std::string("\x7f\0\0\1", 4)));
    EXPECT_TRUE(counts.Add(std::string(8, '\0')));
  }
  counts.Remove(other);
  EXPECT_TRUE(counts.Add(other));
  EXPECT_FALSE(counts.Add(other));
}

class OnePerAddressTest : public NativeFixture {
 protected:
  OnePerAddressTest()
      : NativeFixture({.threads = 2, .connections_per_address_max = 1}) {}
};

TEST_F(OnePerAddressTest, OneMoreIsClosedUntilTheFirstIs) {
  {
    RawClient first(port_);
    first.Handshake();
    EXPECT_EQ(first.Call(kEcho, Request("x")).status, "0");
    RawClient second(port_);
    EXPECT_TRUE(second.AwaitEnd().closed);
    EXPECT_EQ(first.Call(kEcho, Request("x")).status, "0");
  }
  WaitUntil([this] { return server_->connections() == 0; });
}

class AgeTest : public NativeServerTest {
 protected:
  AgeTest()
      : NativeServerTest(
            {.call_time_max = kNanosPerSecond, .age_max = kHaste}) {}
};

TEST_F(AgeTest, CallsOfAnOldConnectionFinish) {
  client_.Send(RawClient::Headers(1, "/test.Test/Hold") +
               Data(1, Framed(Request("x"))));
  EXPECT_TRUE(client_.AwaitFrame(NGHTTP2_GOAWAY, 0));
  ReleaseHeld();
  EXPECT_EQ(client_.Await(1).status, "0");
  const RawAnswer end = client_.AwaitEnd();
  EXPECT_EQ(end.goaway, uint32_t{NGHTTP2_NO_ERROR});
  EXPECT_EQ(end.last_stream, 1u);
}

TEST_F(AgeTest, StreamsOfAnOldConnectionAreCancelledInTheEnd) {
  client_.Send(RawClient::Headers(1, "/test.Test/EchoStream"));
  EXPECT_TRUE(client_.AwaitEnd().closed);
}

// Of what all share, one client takes everything; another needs a little.
class GreedTest : public NativeServerTest {
 protected:
  GreedTest()
      : NativeServerTest({.calls_max = 10,
                          .request_bytes_max = 200'000,
                          .reply_bytes_max = 1'000'000}) {
    other_.Handshake();
  }

  void ExpectGreedyPays() {
    EXPECT_EQ(other_.Call(kEcho, Request("x")).status, "0");
    EXPECT_TRUE(client_.AwaitEnd().closed);
  }

  RawClient other_{port_};
};

TEST_F(GreedTest, WhoHasAllCallsPays) {
  for (int stream = 1; stream < 20; stream += 2) client_.Send(Begun(stream));
  WaitUntil([this] { return server_->live_calls() == 10; });
  ExpectGreedyPays();
}

TEST_F(GreedTest, WhoHoldsAlmostAllOfTheRequestsPays) {
  const std::string most(15'000, '\0');
  std::string halves;
  for (int stream = 1; stream < 7; stream += 2) {
    halves += Begun(stream) + Data(stream, Framed(most, 0, 400'000), 0);
    for (int i = 0; i < 3; ++i) halves += Data(stream, most, 0);
  }
  client_.Send(halves + Ping());
  EXPECT_TRUE(client_.AwaitFrame(NGHTTP2_PING, NGHTTP2_FLAG_ACK));
  // There is no room for that beside it.
  other_.Send(Begun(1) + Data(1, Framed(most, 0, 100'000), 0) +
              Data(1, most, 0) + Data(1, most, 0));
  EXPECT_TRUE(client_.AwaitEnd().closed);
  other_.Send(Reset(1));
  EXPECT_EQ(other_.Call(kEcho, Request("x")).status, "0");
}

TEST_F(GreedTest, WhoReadsNoneOfItsAnswersPays) {
  for (int stream = 1; stream < 9; stream += 2) {
    client_.Send(RawClient::Headers(stream, "/test.Test/Sized") +
                 Data(stream, Framed(Request("400000"))));
  }
  WaitUntil([this] { return sized_calls_ == 3; });
  ExpectGreedyPays();
}

TEST_F(NativeServerTest, HeadersThatAByteStandsForEndTheirConnection) {
  // 4,000 bytes go into HPACK's table, and each byte of the second block stands
  // for them.
  const std::string entry =
      std::string("\x40\x01x", 3) + "\x7f\xa1\x1e" + std::string(4'000, 'y');
  client_.Send(Frame(NGHTTP2_HEADERS, kEndHeaders, 1,
                     Block(CallHeaders(kEcho)) + entry) +
               Data(1, Framed(Request("x"))));
  EXPECT_EQ(client_.Await(1).status, "0");
  client_.Send(Frame(NGHTTP2_HEADERS, kEndHeaders, 3,
                     Block(CallHeaders(kEcho)) + std::string(8'000, '\xbe')));
  EXPECT_EQ(client_.AwaitEnd().goaway, uint32_t{NGHTTP2_ENHANCE_YOUR_CALM});
}

class ManyCallsTest : public NativeServerTest {
 protected:
  ManyCallsTest() : NativeServerTest({.calls_per_connection_max = 10'000}) {}
};

TEST_F(ManyCallsTest, WhatATurnHasNoTimeForIsTakenInTheNext) {
  // Some milliseconds of work that come at once, in any build.
  constexpr int kStreams = 2 * 3'000;
  std::string calls;
  for (int stream = 1; stream < kStreams; stream += 2) {
    calls += RawClient::Headers(stream, kEcho, {{"x", "y"}}) +
             Data(stream, Framed(Request(std::to_string(stream))));
  }
  client_.Send(calls);
  for (int stream = 1; stream < kStreams; stream += 2) {
    const RawAnswer answer = client_.Await(stream);
    ASSERT_EQ(answer.status, "0") << stream;
    ASSERT_EQ(ValueOf(answer.body), std::to_string(stream));
  }
}

}  // namespace
}  // namespace latchkey
