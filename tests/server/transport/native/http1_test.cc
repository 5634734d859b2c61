// HTTP/1.1 on a connection: requests after each other, limits, ends.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "tests/server/transport/native/native_fixture.h"
#include "tests/support/test_sockets.h"

namespace latchkey {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

std::string Post(std::string_view method, std::string_view message,
                 std::string_view headers = "") {
  const std::string body = Framed(message);
  return "POST /test.Test/" + std::string(method) +
         " HTTP/1.1\r\nHost: h\r\nContent-Type: application/grpc-web\r\n" +
         "Content-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(headers) + "\r\n" + body;
}

class Http1Test : public NativeFixture {
 protected:
  Http1Test()
      : NativeFixture({.message_bytes_max = 1'000'000,
                       .handshake_time_max = 300 * kNanosPerMilli,
                       .request_time_max = 300 * kNanosPerMilli,
                       .reply_time_max = 300 * kNanosPerMilli,
                       .ping_interval = 600 * kNanosPerMilli}) {}
  explicit Http1Test(NativeServerOptions options)
      : NativeFixture(std::move(options)) {}

  TestSocket Connect() {
    return TestSocket::Connect("127.0.0.1:" + std::to_string(port_));
  }

  // One answer that comes in chunks or has no body.
  static std::string Read(TestSocket& socket) {
    std::string text;
    while (!text.ends_with("\r\n\r\n")) {
      const std::string byte = socket.Receive(1);
      if (byte.empty()) return text;
      text += byte;
    }
    while (text.find("chunked") != std::string::npos &&
           !text.ends_with("\r\n0\r\n\r\n")) {
      const std::string byte = socket.Receive(1);
      if (byte.empty()) return text;
      text += byte;
    }
    return text;
  }

  static std::string ReadToEnd(TestSocket& socket) {
    std::string text;
    while (true) {
      const std::string byte = socket.Receive(1);
      if (byte.empty()) return text;
      text += byte;
    }
  }
};

// With the usual limits on time.
class Http1PatientTest : public Http1Test {
 protected:
  Http1PatientTest() : Http1Test(NativeServerOptions{}) {}
};

TEST_F(Http1Test, RequestsFollowEachOther) {
  TestSocket socket = Connect();
  for (const char* value : {"a", "bc", ""}) {
    socket.Send(Post("Echo", Request(value)));
    const std::string answer = Read(socket);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr(Framed(Request(value))));
    EXPECT_THAT(answer, HasSubstr("grpc-status: 0\r\n"));
  }
}

TEST_F(Http1PatientTest, RequestsThatAreSentAheadAreAnsweredInOrder) {
  TestSocket socket = Connect();
  std::string all;
  for (int i = 0; i < 1'000; ++i) {
    all += Post("Echo", Request(std::to_string(i)));
  }
  socket.Send(all);
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_THAT(Read(socket), HasSubstr(Framed(Request(std::to_string(i)))));
  }
}

TEST_F(Http1Test, BytesMayComeOneByOne) {
  TestSocket socket = Connect();
  for (const char c : Post("Echo", Request("x"))) {
    socket.Send(std::string_view(&c, 1));
  }
  EXPECT_THAT(Read(socket), HasSubstr(Framed(Request("x"))));
}

TEST_F(Http1Test, TheFirstBytesMayBeThoseOfHttp2) {
  for (const std::string_view begin : {"P", "PR"}) {
    TestSocket socket = Connect();
    socket.Send(begin);
    socket.Send(Post("Echo", Request("x")).substr(begin.size()));
    // "PROST" is a method that is not served.
    EXPECT_THAT(Read(socket),
                StartsWith(begin == "P" ? "HTTP/1.1 200" : "HTTP/1.1 "));
  }
  TestSocket socket = Connect();
  socket.Send("PR");
  socket.Send(std::string_view(kPreface).substr(2));
  socket.Send(Frame(NGHTTP2_SETTINGS, 0, 0, ""));
  EXPECT_EQ(socket.Receive(9)[3], NGHTTP2_SETTINGS);
}

TEST_F(Http1Test, BodiesMayComeInChunks) {
  TestSocket socket = Connect();
  const std::string body = Framed(Request("hello"));
  std::string chunks;
  for (const char c : body) chunks += "1\r\n" + std::string(1, c) + "\r\n";
  socket.Send(
      "POST /test.Test/Echo HTTP/1.1\r\nHost: h\r\n"
      "Content-Type: application/grpc-web\r\n"
      "Transfer-Encoding: chunked\r\n\r\n" +
      chunks + "0\r\n\r\n");
  EXPECT_THAT(Read(socket), HasSubstr(body));
}

TEST_F(Http1PatientTest, LargeBodiesGoBothWays) {
  TestSocket socket = Connect();
  const std::string value(900'000, 'v');
  socket.Send(Post("Echo", Request(value)));
  std::string answer = Read(socket);
  EXPECT_GT(answer.size(), value.size());
  EXPECT_THAT(answer, HasSubstr("grpc-status: 0\r\n"));
  socket.Send(Post("Echo", Request("x")));
  EXPECT_THAT(Read(socket), HasSubstr(Framed(Request("x"))));
}

TEST_F(Http1Test, AClientThatAsksIsToldToGoOn) {
  TestSocket socket = Connect();
  const std::string request =
      Post("Echo", Request("x"), "Expect: 100-continue\r\n");
  const size_t head = request.find("\r\n\r\n") + 4;
  socket.Send(request.substr(0, head));
  EXPECT_EQ(Read(socket), "HTTP/1.1 100 Continue\r\n\r\n");
  socket.Send(request.substr(head));
  EXPECT_THAT(Read(socket), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(Http1Test, TheConnectionEndsWhereTheClientSaysSo) {
  TestSocket socket = Connect();
  socket.Send(Post("Echo", Request("x"), "Connection: close\r\n") +
              Post("Echo", Request("y")));
  const std::string answer = ReadToEnd(socket);
  EXPECT_THAT(answer, HasSubstr("connection: close\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n0\r\n\r\n"));
  EXPECT_EQ(answer.find("HTTP/1.1", 1), std::string::npos) << answer;
}

// As a bad preface of HTTP/2 ends its connection.
TEST_F(Http1Test, WhatIsNoHttpAtAllEndsTheConnection) {
  TestSocket socket = Connect();
  socket.Send("INVALID CONNECTION PREFACE\r\n\r\n");
  EXPECT_EQ(ReadToEnd(socket), "");
}

TEST_F(Http1Test, BadRequestsAreToldAndEndTheConnection) {
  for (const char* bad :
       {"GARBAGE\r\n\r\n", "POST / HTTP/1.1\r\n\r\n", "\x16\x03\x01\r\n\r\n",
        "POST * HTTP/1.1\r\nHost: h\r\n\r\n",
        "POST http://a/b HTTP/1.1\r\nHost: h\r\n\r\n"}) {
    TestSocket socket = Connect();
    socket.Send(Post("Echo", Request("x")) + bad);
    EXPECT_THAT(Read(socket), StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(ReadToEnd(socket),
                testing::AnyOf(StartsWith("HTTP/1.1 400 Bad Request\r\n"),
                               StartsWith("HTTP/1.1 505 ")));
  }
}

TEST_F(Http1Test, NativeCallsAreNotServed) {
  TestSocket socket = Connect();
  socket.Send(
      "POST /test.Test/Echo HTTP/1.1\r\nHost: h\r\n"
      "Content-Type: application/grpc\r\nContent-Length: 5\r\n\r\n" +
      Framed(""));
  EXPECT_THAT(ReadToEnd(socket), StartsWith("HTTP/1.1 415 "));
}

TEST_F(Http1Test, AHeadWithoutAnEndIsRefused) {
  TestSocket socket = Connect();
  socket.Send("POST / HTTP/1.1\r\nHost: h\r\nX: " + std::string(20'000, 'x'));
  EXPECT_THAT(ReadToEnd(socket), StartsWith("HTTP/1.1 431 "));
}

TEST_F(Http1Test, ALineOfAChunkWithoutAnEndIsRefused) {
  TestSocket socket = Connect();
  socket.Send(
      "POST /test.Test/Echo HTTP/1.1\r\nHost: h\r\n"
      "Content-Type: application/grpc-web\r\n"
      "Transfer-Encoding: chunked\r\n\r\n1;" +
      std::string(20'000, 'x'));
  EXPECT_THAT(ReadToEnd(socket), StartsWith("HTTP/1.1 431 "));
}

TEST_F(Http1Test, AMessageOverTheLimitFailsTheCallAndEndsTheConnection) {
  TestSocket socket = Connect();
  socket.Send(
      "POST /test.Test/Echo HTTP/1.1\r\nHost: h\r\n"
      "Content-Type: application/grpc-web\r\nContent-Length: 1200000\r\n\r\n" +
      Framed("", 0, 1'100'000));
  const std::string answer = ReadToEnd(socket);
  EXPECT_THAT(answer, HasSubstr("grpc-status: 8\r\n"));
  EXPECT_THAT(answer, HasSubstr("connection: close\r\n"));
}

TEST_F(Http1Test, ABodyOverTheLimitIsRefused) {
  TestSocket socket = Connect();
  socket.Send(
      "POST /test.Test/Echo HTTP/1.1\r\nHost: h\r\n"
      "Content-Type: application/grpc-web\r\nContent-Length: 2000000\r\n\r\n");
  EXPECT_THAT(ReadToEnd(socket), StartsWith("HTTP/1.1 413 "));
}

TEST_F(Http1Test, ASlowHeadIsGivenUp) {
  TestSocket socket = Connect();
  socket.Send("POST / HTTP/1.1\r\nHost: h\r\n");
  EXPECT_THAT(ReadToEnd(socket), StartsWith("HTTP/1.1 408 "));
}

TEST_F(Http1Test, ASlowBodyIsGivenUp) {
  TestSocket socket = Connect();
  const std::string request = Post("Echo", Request("x"));
  socket.Send(request.substr(0, request.size() - 1));
  EXPECT_THAT(ReadToEnd(socket), HasSubstr("grpc-status: 4\r\n"));
}

TEST_F(Http1Test, ASlowBodyOfWhatIsNoCallIsGivenUp) {
  TestSocket socket = Connect();
  socket.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n");
  EXPECT_THAT(ReadToEnd(socket), StartsWith("HTTP/1.1 408 "));
}

TEST_F(Http1Test, AnIdleConnectionEnds) {
  TestSocket socket = Connect();
  EXPECT_EQ(ReadToEnd(socket), "");
  socket = Connect();
  socket.Send(Post("Echo", Request("x")));
  EXPECT_THAT(ReadToEnd(socket), EndsWith("\r\n0\r\n\r\n"));
}

TEST_F(Http1Test, AClientThatGoesCancelsItsCall) {
  TestSocket socket = Connect();
  socket.Send(Post("Hold", Request("x")));
  Call& call = OnlyHeld();
  EXPECT_EQ(call.token().Check(clock_.Now()), EndReason::kNone);
  socket.Close();
  WaitUntil([&] {
    return call.token().Check(clock_.Now()) == EndReason::kConnectionLost;
  });
}

TEST_F(Http1Test, AClientThatDoesNotReadHoldsItsStream) {
  TestSocket socket = Connect();
  const int small = 4'096;
  setsockopt(socket.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
  socket.Send(Post("Endless", Request("x")));
  // It waits for the socket, and is given up: had it gone on, it would not end.
  WaitUntil([this] { return server_->live_calls() == 1; });
  WaitUntil([this] { return server_->live_calls() == 0; });
}

TEST_F(Http1PatientTest, ADrainLetsTheAnswerUnderWayBeTheLast) {
  ends_in_drain_ = true;
  TestSocket idle = Connect();
  idle.Send(Post("Echo", Request("x")));
  Read(idle);
  TestSocket busy = Connect();
  busy.Send(Post("Hold", Request("x")));
  OnlyHeld();
  std::thread drain([this] { server_->Shutdown(10 * kNanosPerSecond); });
  EXPECT_EQ(ReadToEnd(idle), "");
  ReleaseHeld();
  const std::string answer = ReadToEnd(busy);
  EXPECT_THAT(answer, HasSubstr("connection: close\r\n"));
  EXPECT_THAT(answer, HasSubstr("grpc-status: 0\r\n"));
  drain.join();
}

}  // namespace
}  // namespace latchkey
