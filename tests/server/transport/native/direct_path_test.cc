// The short way of ordinary calls past nghttp2: that they take it, and that
// nghttp2 stays right in all it knows.  direct_oracle_test compares the two
// ways at random.

#include "server/transport/native/direct_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "tests/server/transport/native/native_fixture.h"
#include "tests/support/test_sockets.h"

namespace latchkey {
namespace {

using testing::StartsWith;

constexpr char kEcho[] = "/test.Test/Echo";
constexpr char kSized[] = "/test.Test/Sized";
constexpr char kMetadata[] = "/test.Test/Metadata";

// How an answer of the short way begins: with content-type as a header that is
// not put into the table.  nghttp2 would put it there.
constexpr char kShortWay[] = "\x88\x0f\x10\x10";

class DirectPathTest : public NativeServerTest {
 protected:
  DirectPathTest() = default;

  std::string Call(int stream, const std::string& path,
                   const std::string& value, const HeaderList& more = {}) {
    return RawClient::Headers(stream, path, more) +
           Data(stream, Framed(Request(value)));
  }

  // Calls `path` on `stream`, so that its headers are known from now on.
  void Learn(int stream, const std::string& path) {
    client_.Send(Call(stream, path, "1"));
    ASSERT_EQ(client_.Await(stream).status, "0");
  }

  // Reads what the server has to say, opening no window.
  static void Settle(RawClient& client) {
    // An answer to a ping overtakes data, but not that of an earlier turn.
    for (int i = 0; i < 2; ++i) {
      client.Send(Ping());
      ASSERT_TRUE(client.AwaitFrame(NGHTTP2_PING, NGHTTP2_FLAG_ACK,
                                    /*opens_windows=*/false));
    }
  }

  // Expects that the stream was answered on the short way.
  void ExpectShort(int stream) {
    const RawAnswer answer = client_.Await(stream);
    EXPECT_EQ(answer.status, "0");
    EXPECT_THAT(answer.block, StartsWith(kShortWay));
  }
};

TEST_F(DirectPathTest, TheSecondCallOfAKindTakesTheShortWay) {
  client_.Send(Call(1, kEcho, "one"));
  EXPECT_THAT(client_.Await(1).block, Not(StartsWith(kShortWay)));
  client_.Send(Call(3, kEcho, "two"));
  ExpectShort(3);
  const RawAnswer answer = client_.Await(3);
  EXPECT_EQ(ValueOf(answer.body), "two");
  EXPECT_EQ(answer.headers.at(":status"), "200");
  EXPECT_EQ(answer.headers.at("content-type"), "application/grpc");
}

TEST_F(DirectPathTest, TheServersSettingsComeBeforeAnyAnswer) {
  for (int i = 0; i < 20; ++i) {
    TestSocket socket =
        TestSocket::Connect("127.0.0.1:" + std::to_string(port_));
    socket.Send(kPreface + Frame(NGHTTP2_SETTINGS, 0, 0, "") +
                Call(1, kEcho, "a") + Call(3, kEcho, "b") +
                Call(5, kEcho, "c"));
    EXPECT_EQ(socket.Receive(9)[3], NGHTTP2_SETTINGS);
  }
}

TEST_F(DirectPathTest, SoDoManyAtOnceWhoseFramesAreMixed) {
  Learn(1, kEcho);
  std::string headers;
  std::string bodies;
  for (int stream = 3; stream < 400; stream += 2) {
    headers += RawClient::Headers(stream, kEcho);
    // The last first.
    bodies = Data(stream, Framed(Request(std::to_string(stream)))) + bodies;
  }
  client_.Send(headers + bodies);
  for (int stream = 3; stream < 400; stream += 2) {
    EXPECT_EQ(ValueOf(client_.Await(stream).body), std::to_string(stream));
    ExpectShort(stream);
  }
}

TEST_F(DirectPathTest, AnErrorTakesTheLongWayAndHarmsNoOther) {
  Learn(1, kEcho);
  client_.Send(Call(3, "/test.Test/Fail", "x"));
  EXPECT_EQ(client_.Await(3).status, "3");
  client_.Send(RawClient::Headers(5, kEcho) + RawClient::Headers(7, kEcho) +
               // No message.
               Data(7, "") + Data(5, Framed(Request("x"))));
  EXPECT_EQ(client_.Await(7).status, "12");
  EXPECT_EQ(client_.Await(5).status, "0");
  client_.Send(Call(9, kEcho, "x"));
  ExpectShort(9);
}

TEST_F(DirectPathTest, ACallThatIsAnsweredLateIsNghttp2s) {
  Learn(1, kEcho);
  client_.Send(Call(3, "/test.Test/Hold", "x"));
  WaitUntil([this] { return held() == 1; });
  ReleaseHeld();
  EXPECT_EQ(client_.Await(3).status, "0");
  client_.Send(Call(5, "/test.Test/Hold", "x") + Call(7, kEcho, "x"));
  ExpectShort(7);
  WaitUntil([this] { return held() == 1; });
  client_.Send(Reset(5));
  WaitUntil([this] {
    return OnlyHeld().token().Check(clock_.Now()) ==
           EndReason::kClientCancelled;
  });
  client_.Send(Call(9, kEcho, "x"));
  ExpectShort(9);
}

TEST_F(DirectPathTest, ConnectionWindowIsKept) {
  constexpr int kWindow = 65'535;
  Learn(1, kSized);
  // What was read of stream 1 opened no window yet: it was given back.
  client_.Send(Call(3, kSized, "30000") + Call(5, kSized, "30000") +
               Call(7, kSized, "30000") + Call(9, kSized, "10"));
  Settle(client_);
  const auto received = [this] {
    size_t sum = 0;
    for (int stream = 3; stream <= 9; stream += 2) {
      sum += client_.data_bytes(stream);
    }
    return sum;
  };
  EXPECT_EQ(received(), size_t{kWindow});
  client_.Send(WindowUpdate(0, 100));
  Settle(client_);
  EXPECT_EQ(received(), size_t{kWindow} + 100);
  client_.Send(WindowUpdate(0, 1'000'000));
  for (int stream = 3; stream <= 9; stream += 2) {
    EXPECT_EQ(client_.Await(stream).status, "0");
  }
  // And it cannot be opened too wide, however much went the short way.
  client_.Send(WindowUpdate(0, 0x7fffffff));
  EXPECT_EQ(client_.AwaitEnd().goaway, uint32_t{NGHTTP2_FLOW_CONTROL_ERROR});
}

TEST_F(DirectPathTest, ManyUpdatesOfTheWindowDoNotOverflowIt) {
  Learn(1, kSized);
  int stream = 3;
  client_.Send(WindowUpdate(0, 0x7fffffff - 65'535));
  for (int i = 0; i < 50; ++i, stream += 2) {
    client_.Send(Call(stream, kSized, "50000"));
    const size_t bytes = client_.ReadData(stream, 50'000).size();
    ASSERT_GE(bytes, 50'000u);
    client_.Send(WindowUpdate(0, static_cast<uint32_t>(bytes - 1'000)));
  }
  client_.Send(Call(stream, kEcho, "x"));
  EXPECT_EQ(client_.Await(stream).status, "0");
}

TEST_F(DirectPathTest, StreamWindowIsKept) {
  RawClient client(port_);
  client.Handshake(Setting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 20));
  client.Send(Call(1, kSized, "10"));
  ASSERT_EQ(client.Await(1).status, "0");
  client.Send(Call(3, kSized, "5") + Call(5, kSized, "100"));
  Settle(client);
  EXPECT_THAT(client.Await(3).block, StartsWith(kShortWay));
  EXPECT_EQ(client.data_bytes(5), 20u);
  client.Send(WindowUpdate(5, 100));
  EXPECT_EQ(client.Await(5).status, "0");
  // Room that is given before the request is whole counts.
  client.Send(RawClient::Headers(7, kSized) + WindowUpdate(7, 50) +
              Data(7, Framed(Request("100"))));
  Settle(client);
  EXPECT_EQ(client.data_bytes(7), 70u);
  client.Send(WindowUpdate(7, 0x7fffffff - 60));
  EXPECT_EQ(client.Await(7).status, "0");
}

TEST_F(DirectPathTest, DataBehindItsClientsResetCostsOnlyTheStream) {
  // 6 MiB, more than the connection's window, of which some comes in pieces.
  constexpr int kCalls = 500;
  const std::string body(12'000, 'b');
  Learn(1, kSized);
  int stream = 3;
  for (int i = 0; i < kCalls; ++i, stream += 2) {
    // Both ways by turns.
    const std::string path = i % 2 == 0 ? kSized : "/test.Test/EchoStream";
    client_.Send(RawClient::Headers(stream, path) + Reset(stream) +
                 Data(stream, body));
    ASSERT_EQ(client_.Await(stream).reset, uint32_t{NGHTTP2_STREAM_CLOSED});
  }
  client_.Send(Call(stream, kSized, "1"));
  EXPECT_EQ(client_.Await(stream).status, "0");
  EXPECT_GE(client_.window_given(), 4'128'769u + 4'500'000u);
}

TEST_F(DirectPathTest, SettingsMayNotOverflowTheWindowOfACall) {
  Learn(1, kSized);
  client_.Send(RawClient::Headers(3, kSized) +
               WindowUpdate(3, 0x7fffffff - 65'535) +
               Frame(NGHTTP2_SETTINGS, 0, 0,
                     Setting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 65'536)));
  EXPECT_EQ(client_.AwaitEnd().goaway, uint32_t{NGHTTP2_FLOW_CONTROL_ERROR});
}

TEST_F(DirectPathTest, TheClientsWindowIsGivenBack) {
  // 6 MiB, more than the connection's window.
  constexpr int kCalls = 500;
  Learn(1, kSized);
  const std::string padding(12'000, 'p');
  // With a field that the service does not know.
  const std::string body = Request("1") + "\x7a\xe0\x5d" + padding;
  for (int i = 0; i < kCalls; ++i) {
    const int stream = 3 + 2 * i;
    client_.Send(RawClient::Headers(stream, kSized) +
                 Data(stream, Framed(body)));
    ASSERT_EQ(client_.Await(stream).status, "0");
  }
  ExpectShort(3);
  // Also what the server gave at the beginning, beyond HTTP/2's 64 KiB.
  EXPECT_GE(client_.window_given(), 4'128'769u + 4'500'000u);
}

TEST_F(DirectPathTest, GoawayNamesTheLastCallOfTheShortWay) {
  Learn(1, kEcho);
  client_.Send(Call(3, kEcho, "x") + Call(5, kEcho, "x") +
               Frame(NGHTTP2_PING, 0, 0, "short"));
  ExpectShort(5);
  const RawAnswer end = client_.AwaitEnd();
  EXPECT_EQ(end.goaway, uint32_t{NGHTTP2_FRAME_SIZE_ERROR});
  EXPECT_EQ(end.last_stream, 5u);
}

TEST_F(DirectPathTest, WhatComesLateIsNoError) {
  Learn(1, kEcho);
  client_.Send(Call(3, kEcho, "x"));
  ExpectShort(3);
  client_.Send(WindowUpdate(3, 100) + Reset(3) +
               Frame(NGHTTP2_PRIORITY, 0, 3, Number(1, 4) + "w") +
               Call(5, kEcho, "x"));
  ExpectShort(5);
}

TEST_F(DirectPathTest, ACallOnAClosedStreamIsAnError) {
  const std::string rows[] = {
      Data(3, "x"),
      RawClient::Headers(3, kEcho),
      RawClient::Headers(3, "/test.Test/Other"),
  };
  for (const std::string& row : rows) {
    RawClient client(port_);
    client.Handshake();
    client.Send(Call(1, kEcho, "x"));
    ASSERT_EQ(client.Await(1).status, "0");
    client.Send(Call(3, kEcho, "x"));
    ASSERT_THAT(client.Await(3).block, StartsWith(kShortWay));
    client.Send(row);
    EXPECT_EQ(client.AwaitEnd().goaway, uint32_t{NGHTTP2_STREAM_CLOSED});
  }
}

TEST_F(DirectPathTest, AResetBeforeTheBodyEndsTheCall) {
  Learn(1, kSized);
  client_.Send(RawClient::Headers(3, kSized) + Reset(3) +
               Data(3, Framed(Request("1"))) + Call(5, kSized, "1"));
  EXPECT_EQ(client_.Await(5).status, "0");
  EXPECT_EQ(sized_calls_, 2);
}

TEST_F(DirectPathTest, ABlockMeansWhatTheTableSaysNow) {
  const std::string usual = Block(CallHeaders(kMetadata));
  // Puts m into the table, as its entry 62, and asks for it.
  const auto put = [&](const std::string& value) {
    return usual + std::string("\x40\x01m\x03", 4) + value;
  };
  const std::string get = usual + "\xbe";
  int stream = 1;
  const auto ask = [&](const std::string& block) {
    client_.Send(Frame(NGHTTP2_HEADERS, kEndHeaders, stream, block) +
                 Data(stream, Framed(Request("m"))));
    const RawAnswer answer = client_.Await(stream);
    stream += 2;
    return answer.status == "0" ? ValueOf(answer.body) : answer.status;
  };
  EXPECT_EQ(ask(put("one")), "one");
  EXPECT_EQ(ask(get), "one");
  EXPECT_EQ(ask(get), "one");
  ExpectShort(stream - 2);
  EXPECT_EQ(ask(put("two")), "two");
  EXPECT_EQ(ask(get), "two");
  EXPECT_EQ(ask(get), "two");
  // The table is emptied.
  client_.Send(Frame(NGHTTP2_HEADERS, kEndHeaders, stream, "\x20" + usual) +
               Frame(NGHTTP2_HEADERS, kEndHeaders, stream + 2, get));
  EXPECT_EQ(client_.AwaitEnd().goaway, uint32_t{NGHTTP2_COMPRESSION_ERROR});
}

TEST_F(DirectPathTest, ATableThatAContinuationChangesIsSeenToo) {
  const std::string usual = Block(CallHeaders(kMetadata));
  const std::string put_one = usual + std::string("\x40\x01m\x03one", 7);
  const std::string put_two = std::string("\x40\x01m\x03two", 7);
  const std::string get = usual + "\xbe";
  const std::string body = Framed(Request("m"));
  client_.Send(Frame(NGHTTP2_HEADERS, kEndHeaders, 1, put_one) + Data(1, body) +
               Frame(NGHTTP2_HEADERS, kEndHeaders, 3, get) + Data(3, body) +
               Frame(NGHTTP2_HEADERS, 0, 5, usual) +
               Frame(NGHTTP2_CONTINUATION, kEndHeaders, 5, put_two) +
               Data(5, body) + Frame(NGHTTP2_HEADERS, kEndHeaders, 7, get) +
               Data(7, body));
  EXPECT_EQ(ValueOf(client_.Await(3).body), "one");
  EXPECT_EQ(ValueOf(client_.Await(7).body), "two");
}

TEST_F(DirectPathTest, NothingComesBetweenPartsOfABlock) {
  Learn(1, kEcho);
  const std::string rows[] = {Call(5, kEcho, "x"), WindowUpdate(0, 1),
                              WindowUpdate(1, 1)};
  for (const std::string& row : rows) {
    RawClient client(port_);
    client.Handshake();
    client.Send(Call(1, kEcho, "x"));
    ASSERT_EQ(client.Await(1).status, "0");
    client.Send(Call(3, kEcho, "x"));
    // The room it took is not given back.
    client.ReadData(3, 1);
    client.Send(Frame(NGHTTP2_HEADERS, 0, 5, "\x83") + row);
    EXPECT_EQ(client.AwaitEnd().goaway, uint32_t{NGHTTP2_PROTOCOL_ERROR});
  }
}

TEST_F(DirectPathTest, ContentLengthHolds) {
  const std::string body = Framed(Request("x"));
  const HeaderList length = {{"content-length", std::to_string(body.size())}};
  client_.Send(Call(1, kEcho, "x", length) + Call(3, kEcho, "x", length));
  EXPECT_EQ(client_.Await(1).status, "0");
  ExpectShort(3);
  client_.Send(Call(5, kEcho, "longer", length));
  EXPECT_EQ(client_.Await(5).reset, uint32_t{NGHTTP2_PROTOCOL_ERROR});
  client_.Send(Call(7, kEcho, "x", length));
  ExpectShort(7);
}

TEST_F(DirectPathTest, DeadlinesHold) {
  const HeaderList timeout = {{"grpc-timeout", "0n"}};
  for (int stream = 1; stream <= 5; stream += 2) {
    client_.Send(Call(stream, kEcho, "x", timeout));
    EXPECT_EQ(client_.Await(stream).status, "4");
  }
}

class DirectLimitsTest : public DirectPathTest {};

TEST_F(DirectLimitsTest, AnswersThatNobodyReadsWaitInBudget) {
  Learn(1, kSized);
  client_.Send(WindowUpdate(0, 0x7fffffff - 65'535));
  RawClient client(port_);
  client.Handshake(Setting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0x7fffffff));
  client.Send(WindowUpdate(0, 0x7fffffff - 65'535));
  client.Send(Call(1, kSized, "60000"));
  ASSERT_EQ(client.Await(1).status, "0");
  // 400 MB in all, of which none is read.
  std::string calls;
  for (int stream = 3; stream < 803; stream += 2) {
    calls += Call(stream, kSized, "1000000");
  }
  client.Send(calls);
  // The server takes them pass by pass, and answers pings of others meanwhile:
  // it has taken what it will when nothing more comes for a while.
  WaitUntil([this] {
    Settle(client_);
    return sized_calls_ >= 15;
  });
  int seen = -1;
  for (int quiet = 0; quiet < 100; ++quiet) {
    if (std::exchange(seen, sized_calls_) != seen) quiet = 0;
    Settle(client_);
  }
  // The budget of a connection is 16 MiB.
  EXPECT_LT(sized_calls_, 30);
  EXPECT_EQ(client.Await(201).status, "14");
}

}  // namespace
}  // namespace latchkey
