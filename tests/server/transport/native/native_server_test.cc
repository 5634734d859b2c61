// The protocol of the native transport, frame by frame: what transport_test
// cannot send with a correct client.

#include "server/transport/native/native_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "tests/server/transport/native/native_fixture.h"

namespace latchkey {
namespace {

using testing::HasSubstr;

constexpr char kEcho[] = "/test.Test/Echo";

std::string Gzip(const std::string& text) {
  z_stream stream = {};
  EXPECT_EQ(
      deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY),
      Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

TEST_F(NativeServerTest, AnswerIsHeadersMessageAndTrailers) {
  client_.Send(RawClient::Headers(1, kEcho) + Data(1, Framed(Request("hi"))));
  const RawAnswer answer = client_.Await(1);
  EXPECT_EQ(answer.headers.at(":status"), "200");
  EXPECT_EQ(answer.headers.at("content-type"), "application/grpc");
  EXPECT_EQ(answer.status, "0");
  EXPECT_EQ(answer.headers.count("grpc-message"), 0u);
  EXPECT_EQ(answer.body, Framed(Request("hi")));
}

TEST_F(NativeServerTest, ErrorIsOneBlockOfHeaders) {
  const RawAnswer answer = client_.Call("/test.Test/Fail", Request("x"));
  EXPECT_EQ(answer.headers.at(":status"), "200");
  EXPECT_EQ(answer.status, "3");
  EXPECT_EQ(answer.headers.at("grpc-message"), "key: 100%25%0A");
  EXPECT_EQ(answer.headers.at("bytes-bin"), "AP8");
  EXPECT_EQ(answer.headers.count("grpc-status-details-bin"), 1u);
  EXPECT_EQ(answer.body, "");
}

TEST_F(NativeServerTest, EverythingMayComeByteByByte) {
  RawClient client(port_);
  const std::string bytes = kPreface + Frame(NGHTTP2_SETTINGS, 0, 0, "") +
                            RawClient::Headers(1, kEcho) +
                            Data(1, Framed(Request("slow")));
  for (const char byte : bytes) client.Send(std::string(1, byte));
  EXPECT_EQ(ValueOf(client.Await(1).body), "slow");
}

TEST_F(NativeServerTest, MessageMayBeSpreadOverFrames) {
  const std::string message = Framed(Request("spread"));
  std::string frames = RawClient::Headers(1, kEcho);
  for (const char byte : message) frames += Data(1, std::string(1, byte), 0);
  client_.Send(frames + Data(1, ""));
  EXPECT_EQ(ValueOf(client_.Await(1).body), "spread");
}

TEST_F(NativeServerTest, StreamsInterleave) {
  std::string begin;
  std::string end;
  for (int stream = 1; stream < 200; stream += 2) {
    const std::string message = Framed(Request(std::to_string(stream)));
    begin += RawClient::Headers(stream, kEcho) +
             Data(stream, message.substr(0, 4), 0);
    end = Data(stream, message.substr(4)) + end;
  }
  client_.Send(begin + end);
  for (int stream = 1; stream < 200; stream += 2) {
    EXPECT_EQ(ValueOf(client_.Await(stream).body), std::to_string(stream));
  }
}

TEST_F(NativeServerTest, HeadersMayBeContinued) {
  const std::string block = Block(CallHeaders(kEcho));
  client_.Send(Frame(NGHTTP2_HEADERS, 0, 1, block.substr(0, 10)) +
               Frame(NGHTTP2_CONTINUATION, 0, 1, block.substr(10, 10)) +
               Frame(NGHTTP2_CONTINUATION, kEndHeaders, 1, block.substr(20)) +
               Data(1, Framed(Request("x"))));
  EXPECT_EQ(client_.Await(1).status, "0");
}

// A request that is refused without its handler, and the status.
struct Refusal {
  const char* name;
  HeaderList headers;
  std::string body;
  const char* status;
};

TEST_F(NativeServerTest, RequestsThatAreRefused) {
  const std::string good = Framed(Request("x"));
  int stream = 1;
  for (const Refusal& refusal : {
           Refusal{"no message", {}, "", "12"},
           Refusal{"two messages", {}, good + good, "12"},
           Refusal{"one and a byte", {}, good + '\0', "12"},
           Refusal{"part of a prefix", {}, good.substr(0, 3), "13"},
           Refusal{"part of a message", {}, good.substr(0, 6), "13"},
           Refusal{"unknown flag", {}, Framed("x", 2), "13"},
           Refusal{"compressed without encoding", {}, Framed("x", 1), "13"},
           Refusal{"4 GiB", {}, Framed("x", 0, 0xffffffff), "8"},
           Refusal{"no such method", {{":path", "/test.Test/No"}}, good, "12"},
           Refusal{"no path of a method", {{":path", "/"}}, good, "12"},
           Refusal{"bad timeout", {{"grpc-timeout", "5"}}, good, "13"},
           Refusal{"timeout of 0", {{"grpc-timeout", "0n"}}, good, "4"},
           Refusal{"bad base64", {{"x-bin", "?"}}, good, "13"},
           Refusal{"encoding", {{"grpc-encoding", "br"}}, good, "12"},
           Refusal{
               "no gzip", {{"grpc-encoding", "gzip"}}, Framed("x", 1), "13"},
           // Each takes 34 bytes, of the 16 KiB that there are.
           Refusal{"metadata", HeaderList(500, {"x", "y"}), good, "8"},
       }) {
    client_.Send(RawClient::Headers(stream, kEcho, refusal.headers) +
                 Data(stream, refusal.body));
    RawAnswer answer = client_.Await(stream);
    EXPECT_EQ(answer.headers[":status"], "200") << refusal.name;
    EXPECT_EQ(answer.status, refusal.status) << refusal.name;
    EXPECT_EQ(answer.body, "") << refusal.name;
    stream += 2;
  }
}

TEST_F(NativeServerTest, UnknownEncodingIsToldWhichAreKnown) {
  RawAnswer answer =
      client_.Call(kEcho, Request("x"), {{"grpc-encoding", "br"}});
  EXPECT_EQ(answer.headers["grpc-accept-encoding"], "identity,gzip");
}

TEST_F(NativeServerTest, WhatIsNoGrpcIsToldInHttp) {
  RawAnswer answer =
      client_.Call(kEcho, Request("x"), {{"content-type", "text/plain"}});
  EXPECT_EQ(answer.headers[":status"], "415");
  EXPECT_EQ(answer.status, "");
  answer = client_.Call(kEcho, Request("x"), {{":method", "GET"}});
  EXPECT_EQ(answer.headers[":status"], "405");
}

TEST_F(NativeServerTest, ContentTypesOfGrpc) {
  for (const char* type : {"application/grpc", "application/grpc+proto",
                           "application/grpc;charset=utf-8"}) {
    EXPECT_EQ(
        client_.Call(kEcho, Request("x"), {{"content-type", type}}).status, "0")
        << type;
  }
  for (const char* type : {"application/grpc-web+json", "application/grpc-webs",
                           "application/grpc+json", "application/json", ""}) {
    RawAnswer answer =
        client_.Call(kEcho, Request("x"), {{"content-type", type}});
    EXPECT_EQ(answer.headers[":status"], "415") << type;
  }
}

TEST_F(NativeServerTest, MetadataReachesTheHandler) {
  const HeaderList sent = {{"fruit", "apple"},
                           {"bytes-bin", "AP8="},
                           {"bare-bin", "AP8"},
                           {"list-bin", "AQ,Ag"}};
  const auto find = [&](const std::string& name) {
    return ValueOf(
        client_.Call("/test.Test/Metadata", Request(name), sent).body);
  };
  EXPECT_EQ(find("fruit"), "apple");
  EXPECT_EQ(find("bytes-bin"), std::string("\0\xff", 2));
  EXPECT_EQ(find("bare-bin"), std::string("\0\xff", 2));
  EXPECT_EQ(find("list-bin"), "\1");
  for (const char* hidden : {"te", "content-type", ":path", "Fruit", "none"}) {
    EXPECT_EQ(find(hidden), "(none)") << hidden;
  }
}

TEST_F(NativeServerTest, GzipIsInflatedUpToTheLimit) {
  const auto call = [&](const std::string& message) {
    static int stream = 1;
    client_.Send(
        RawClient::Headers(stream, kEcho, {{"grpc-encoding", "gzip"}}) +
        Data(stream, Framed(message, 1)));
    stream += 2;
    return client_.Await(stream - 2);
  };
  const std::string text(100'000, 'z');
  RawAnswer answer = call(Gzip(Request(text)));
  EXPECT_EQ(answer.status, "0");
  EXPECT_EQ(answer.body, Framed(Request(text)));
  // 4 GiB would come out of some of these; 4 MiB and a byte is too much.
  answer = call(Gzip(std::string(4 * 1024 * 1024 + 1, '\0')));
  EXPECT_EQ(answer.status, "8");
  const std::string cut = Gzip(Request(text));
  EXPECT_EQ(call(cut.substr(0, cut.size() - 1)).status, "13");
  EXPECT_EQ(call(cut + "x").status, "13");
}

TEST_F(NativeServerTest, AnswerLargerThanTheWindowWaitsForIt) {
  client_.Send(RawClient::Headers(1, "/test.Test/Sized") +
               Data(1, Framed(Request("1000000"))));
  // The window that HTTP/2 begins with.
  EXPECT_EQ(client_.ReadData(1, 65'535).size(), 65'535u);
  // Others do not wait: their own windows are open, and so is the connection's
  // again.
  client_.Send(WindowUpdate(0, 1'000'000) + RawClient::Headers(3, kEcho) +
               Data(3, Framed(Request("small"))));
  EXPECT_EQ(client_.Await(3).status, "0");
  client_.Send(WindowUpdate(1, 2'000'000) + WindowUpdate(0, 2'000'000));
  const RawAnswer answer = client_.Await(1);
  EXPECT_EQ(answer.status, "0");
  EXPECT_EQ(ValueOf(answer.body), std::string(1'000'000, 's'));
}

TEST_F(NativeServerTest, ALargeAnswerComesFromWhereItStands) {
  client_.Send(RawClient::Headers(1, "/test.Test/Large") +
               Data(1, Framed(Request(""))));
  EXPECT_EQ(client_.ReadData(1, 65'535).size(), 65'535u);
  EXPECT_EQ(large_.use_count(), 2);
  client_.Send(WindowUpdate(0, 1'000'000));
  for (size_t more = 1; more < 100'000; more *= 10) {
    const size_t before = client_.data_bytes(1);
    client_.Send(WindowUpdate(1, static_cast<uint32_t>(more)));
    client_.ReadData(1, before + more);
  }
  client_.Send(WindowUpdate(1, 1'000'000));
  const RawAnswer answer = client_.Await(1);
  EXPECT_EQ(answer.status, "0");
  EXPECT_EQ(ValueOf(answer.body), *large_);
  WaitUntil([this] { return large_.use_count() == 1; });
}

TEST_F(NativeServerTest, ALargeAnswerIsLetGoWithItsConnection) {
  {
    RawClient leaver(port_);
    leaver.Handshake();
    leaver.Send(RawClient::Headers(1, "/test.Test/Large") +
                Data(1, Framed(Request(""))));
    EXPECT_EQ(leaver.ReadData(1, 65'535).size(), 65'535u);
  }
  WaitUntil([this] { return large_.use_count() == 1; });
}

TEST_F(NativeServerTest, ALargeAnswerIsCompressedAsOthers) {
  const RawAnswer answer = client_.Call(
      "/test.Test/Large", Request(""),
      {{"grpc-encoding", "gzip"}, {"grpc-accept-encoding", "gzip"}});
  EXPECT_EQ(answer.headers.at("grpc-encoding"), "gzip");
  EXPECT_LT(answer.body.size(), large_->size() / 10);
  EXPECT_EQ(large_.use_count(), 1);
}

TEST_F(NativeServerTest, RequestLargerThanTheWindowIsReceived) {
  // Sent without a look at the windows that the server opens: it must not mind
  // more than they allow, but these are within them.
  std::string frames = RawClient::Headers(1, kEcho);
  const std::string message = Framed(Request(std::string(200'000, 'q')));
  for (size_t begin = 0; begin < message.size(); begin += 16'000) {
    frames += Data(1, message.substr(begin, 16'000),
                   begin + 16'000 >= message.size() ? kEndStream : 0);
  }
  client_.AwaitFrame(NGHTTP2_SETTINGS, 0);
  client_.Send(frames);
  EXPECT_EQ(client_.Await(1).body, message);
}

TEST_F(NativeServerTest, ResetCancelsTheCall) {
  client_.Send(RawClient::Headers(1, "/test.Test/Hold") +
               Data(1, Framed(Request("x"))));
  Call& call = OnlyHeld();
  EXPECT_EQ(call.token().Check(clock_.Now()), EndReason::kNone);
  client_.Send(Reset(1));
  WaitUntil([&] {
    return call.token().Check(clock_.Now()) == EndReason::kClientCancelled;
  });
  EXPECT_EQ(server_->live_calls(), 1);
}

TEST_F(NativeServerTest, LostConnectionEndsItsCalls) {
  {
    RawClient lost(port_);
    lost.Handshake();
    lost.Send(RawClient::Headers(1, "/test.Test/Hold") +
              Data(1, Framed(Request("x"))));
    OnlyHeld();
  }
  Call& call = OnlyHeld();
  WaitUntil([&] {
    return call.token().Check(clock_.Now()) == EndReason::kConnectionLost;
  });
}

TEST_F(NativeServerTest, DeadlineIsAnsweredInTheHandlersPlace) {
  const RawAnswer answer =
      client_.Call("/test.Test/Hold", Request("x"), {{"grpc-timeout", "50m"}});
  EXPECT_EQ(answer.status, "4");
  EXPECT_EQ(OnlyHeld().token().Check(clock_.Now()), EndReason::kDeadline);
}

TEST_F(NativeServerTest, RequestThatExpiredOnItsWayReachesNoHandler) {
  client_.Send(
      RawClient::Headers(1, "/test.Test/Hold", {{"grpc-timeout", "50m"}}));
  const RawAnswer answer = client_.Await(1);
  EXPECT_EQ(answer.status, "4");
  EXPECT_THAT(answer.headers.at("grpc-message"), HasSubstr("arriv"));
  client_.Send(Data(1, Framed(Request("x"))));
  EXPECT_EQ(client_.Call(kEcho, Request("x")).status, "0");
  EXPECT_EQ(held(), 0u);
}

TEST_F(NativeServerTest, AnswerBeforeTheEndOfTheRequestResetsWithNoError) {
  client_.Send(RawClient::Headers(1, "/test.Test/None"));
  EXPECT_EQ(client_.Await(1).status, "12");
  EXPECT_TRUE(client_.AwaitFrame(NGHTTP2_RST_STREAM, 0));
  // What was on its way is no error of the connection.
  client_.Send(Data(1, Framed(Request("x"))));
  EXPECT_EQ(client_.Call(kEcho, Request("x")).status, "0");
}

TEST_F(NativeServerTest, StreamReceivesWhatItAsksForAndNoMore) {
  const std::string one = Framed(Request("1"));
  client_.Send(RawClient::Headers(1, "/test.Test/EchoStream") +
               Data(1, one + one.substr(0, 3), 0) + Data(1, one.substr(3), 0) +
               Data(1, one));
  const RawAnswer answer = client_.Await(1);
  EXPECT_EQ(answer.status, "0");
  EXPECT_EQ(answer.body, one + one + one);
}

TEST_F(NativeServerTest, StreamThatEndsInsideAMessageIsAnError) {
  client_.Send(RawClient::Headers(1, "/test.Test/EchoStream") +
               Data(1, Framed(Request("1")) + '\0'));
  EXPECT_EQ(client_.Await(1).status, "13");
}

// Keeps its call, whatever it is told.
class KeepStream final : public StreamHandler {
 public:
  explicit KeepStream(std::atomic<bool>& cancelled) : cancelled_(cancelled) {}

  void OnMessage(std::string_view) override {}
  void OnHalfClose() override {}
  void OnCancel() override { cancelled_ = true; }

 private:
  std::atomic<bool>& cancelled_;
};

TEST_F(NativeServerTest, WhatAnotherThreadSentMayBeOvertakenByTheEnd) {
  std::atomic<Call*> kept = nullptr;
  std::atomic<bool> cancelled = false;
  std::atomic<bool> waiting = false;
  std::atomic<bool> sent = false;
  MethodTable methods;
  methods.AddStream("/test.Test/Keep", [&](Call& call) {
    kept = &call;
    return std::make_unique<KeepStream>(cancelled);
  });
  methods.AddUnary("/test.Test/FailKept", [&](Call& call, std::string_view in) {
    waiting = true;
    WaitUntil([&] { return sent.load(); });
    kept.load()->Fail(absl::CancelledError("cancelled"));
    call.Reply(Parse(in));
  });
  NativeServer server({}, methods, clock_);
  RawClient client(*server.Start());
  client.Handshake();
  client.Send(RawClient::Headers(1, "/test.Test/Keep") + Reset(1));
  WaitUntil([&] { return cancelled.load(); });
  // The worker's thread is inside a turn of this connection, and will end the
  // kept call there; what is sent from here comes to it after that.
  client.Send(RawClient::Headers(3, "/test.Test/FailKept") +
              Data(3, Framed(Request("x"))));
  WaitUntil([&] { return waiting.load(); });
  kept.load()->Send(Bytes("overtaken"));
  sent = true;
  EXPECT_EQ(client.Await(3).status, "0");
  WaitUntil([&] { return server.live_calls() == 0; });
}

TEST_F(NativeServerTest, DrainFinishesCallsAndSaysWhichWasTheLast) {
  ends_in_drain_ = true;
  client_.Send(RawClient::Headers(7, "/test.Test/Hold") +
               Data(7, Framed(Request("x"))));
  OnlyHeld();
  std::thread drain([this] { server_->Shutdown(60 * kNanosPerSecond); });
  EXPECT_TRUE(client_.AwaitFrame(NGHTTP2_GOAWAY, 0));
  client_.Send(RawClient::Headers(9, kEcho) + Data(9, Framed(Request("x"))));
  RawAnswer answer = client_.Await(9);
  EXPECT_EQ(answer.status, "14");
  EXPECT_EQ(answer.headers["grpc-retry-pushback-ms"], "200");
  EXPECT_TRUE(client_.AwaitFrame(NGHTTP2_GOAWAY, 0));
  ReleaseHeld();
  EXPECT_EQ(client_.Await(7).status, "0");
  EXPECT_TRUE(client_.AwaitEnd().closed);
  drain.join();
}

}  // namespace
}  // namespace latchkey
