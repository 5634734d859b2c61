// gRPC-Web over HTTP/2: what differs from native calls.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "proto/wire/base64.h"
#include "tests/server/transport/native/native_fixture.h"

namespace latchkey {
namespace {

constexpr char kEcho[] = "/test.Test/Echo";
constexpr char kFail[] = "/test.Test/Fail";
constexpr char kOrigin[] = "https://page.example";

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string Trailers(const std::string& lines) { return Framed(lines, '\x80'); }

class WebTest : public NativeServerTest {
 protected:
  WebTest() : NativeServerTest({.cors_origins = {kOrigin}}) {}

  // The answer to a whole body, which is no single message.
  RawAnswer CallRaw(const std::string& path, std::string_view body,
                    const HeaderList& more) {
    const int stream = next_stream_;
    next_stream_ += 2;
    client_.Send(RawClient::Headers(stream, path, more) + Data(stream, body));
    return client_.Await(stream);
  }

  int next_stream_ = 1;
};

TEST_F(WebTest, TrailersStandInTheBody) {
  RawAnswer answer = client_.Call(kEcho, Request("x"),
                                  {{"content-type", "application/grpc-web"}});
  EXPECT_EQ(answer.headers["content-type"], "application/grpc-web+proto");
  EXPECT_EQ(answer.body, Framed(Request("x")) + Trailers("grpc-status: 0\r\n"));
  EXPECT_EQ(answer.status, "");
}

TEST_F(WebTest, AFailureStandsInTheHeaders) {
  RawAnswer answer = client_.Call(
      kFail, Request("x"), {{"content-type", "application/grpc-web+proto"}});
  EXPECT_EQ(answer.status, "3");
  EXPECT_EQ(answer.headers["content-type"], "application/grpc-web+proto");
  EXPECT_EQ(answer.headers["bytes-bin"], "AP8");
  EXPECT_EQ(answer.body, "");
}

TEST_F(WebTest, TextIsBase64BothWays) {
  RawAnswer answer =
      CallRaw(kEcho, wire::Base64EncodePadded(Framed(Request("xy"))),
              {{"content-type", "application/grpc-web-text"}});
  EXPECT_EQ(answer.headers["content-type"], "application/grpc-web-text+proto");
  EXPECT_EQ(answer.body,
            wire::Base64EncodePadded(Framed(Request("xy"))) +
                wire::Base64EncodePadded(Trailers("grpc-status: 0\r\n")));
}

TEST_F(WebTest, AcceptSaysHowTheAnswerIsToCome) {
  RawAnswer answer = CallRaw(kEcho, Framed(Request("x")),
                             {{"content-type", "application/grpc-web"},
                              {"accept", "application/grpc-web-text"}});
  EXPECT_EQ(answer.headers["content-type"], "application/grpc-web-text+proto");
  answer = CallRaw(kEcho, wire::Base64EncodePadded(Framed(Request("xy"))),
                   {{"content-type", "application/grpc-web-text+proto"},
                    {"accept", "application/grpc-web+proto"}});
  EXPECT_EQ(answer.headers["content-type"], "application/grpc-web+proto");
  answer =
      CallRaw(kEcho, Framed(Request("x")),
              {{"content-type", "application/grpc-web"}, {"accept", "*/*"}});
  EXPECT_EQ(answer.headers["content-type"], "application/grpc-web+proto");
}

TEST_F(WebTest, TextMayBeCutAnywhere) {
  const std::string text = wire::Base64EncodePadded(Framed(Request("abcde")));
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    const int stream = next_stream_;
    next_stream_ += 2;
    client_.Send(
        RawClient::Headers(stream, kEcho,
                           {{"content-type", "application/grpc-web-text"}}) +
        Data(stream, text.substr(0, cut), 0) + Data(stream, text.substr(cut)));
    EXPECT_THAT(client_.Await(stream).body,
                StartsWith(wire::Base64EncodePadded(Framed(Request("abcde")))));
  }
}

TEST_F(WebTest, WhatIsNoBase64Fails) {
  for (const std::string& body :
       {std::string("####"), std::string("AAAAAAMKAXg"), std::string("AAAA="),
        Framed(Request("x"))}) {
    RawAnswer answer =
        CallRaw(kEcho, body, {{"content-type", "application/grpc-web-text"}});
    EXPECT_EQ(answer.status, "13") << body;
    EXPECT_THAT(answer.headers["grpc-message"], HasSubstr("Base64"));
  }
}

TEST_F(WebTest, AStreamSendsItsMessagesAsTheyCome) {
  RawAnswer answer = CallRaw(
      "/test.Test/EchoStream",
      wire::Base64EncodePadded(Framed(Request("a")) + Framed(Request("bc"))),
      {{"content-type", "application/grpc-web-text"}});
  EXPECT_THAT(answer.body,
              StartsWith(wire::Base64EncodePadded(Framed(Request("a"))) +
                         wire::Base64EncodePadded(Framed(Request("bc")))));
  EXPECT_EQ(answer.status, "");
}

TEST_F(WebTest, AStreamOfTextThatIsCutFails) {
  RawAnswer answer = CallRaw("/test.Test/EchoStream", "AAA",
                             {{"content-type", "application/grpc-web-text"}});
  EXPECT_EQ(answer.status, "13");
}

TEST_F(WebTest, CallsAfterEachOtherMayBeOfEitherKind) {
  for (int i = 0; i < 8; ++i) {
    RawAnswer answer = client_.Call(kEcho, Request("n"));
    EXPECT_EQ(answer.status, "0");
    EXPECT_EQ(answer.body, Framed(Request("n")));
    answer = client_.Call(kEcho, Request("w"),
                          {{"content-type", "application/grpc-web"}});
    EXPECT_EQ(answer.status, "");
    EXPECT_THAT(answer.body, StartsWith(Framed(Request("w"))));
  }
}

TEST_F(WebTest, AnAllowedOriginMaySeeTheAnswer) {
  for (const char* method : {kEcho, kFail}) {
    RawAnswer answer = client_.Call(
        method, Request("x"),
        {{"content-type", "application/grpc-web"}, {"origin", kOrigin}});
    EXPECT_EQ(answer.headers[":status"], "200");
    EXPECT_EQ(answer.headers["access-control-allow-origin"], kOrigin);
    EXPECT_EQ(answer.headers["vary"], "origin");
    EXPECT_THAT(answer.headers["access-control-expose-headers"],
                HasSubstr("grpc-status,grpc-message,grpc-status-details-bin"));
  }
}

TEST_F(WebTest, WithoutAnOriginNothingIsSaidOfIt) {
  RawAnswer answer = client_.Call(kEcho, Request("x"),
                                  {{"content-type", "application/grpc-web"}});
  for (const auto& [name, value] : answer.headers) {
    EXPECT_THAT(name, Not(StartsWith("access-control")));
  }
}

TEST_F(WebTest, AnotherOriginRunsNothing) {
  RawAnswer answer = client_.Call("/test.Test/Sized", Request("1"),
                                  {{"content-type", "application/grpc-web"},
                                   {"origin", "https://other.example"}});
  EXPECT_EQ(answer.headers[":status"], "403");
  EXPECT_EQ(sized_calls_, 0);
  for (const auto& [name, value] : answer.headers) {
    EXPECT_THAT(name, Not(StartsWith("access-control")));
  }
}

TEST_F(WebTest, APreflightIsToldWhatACallMayHave) {
  const HeaderList asked = {
      {":method", "OPTIONS"},
      {"content-type", ""},
      {"access-control-request-method", "POST"},
      {"access-control-request-headers", "content-type,x-grpc-web,cookie"}};
  HeaderList from_page = asked;
  from_page.emplace_back("origin", kOrigin);
  RawAnswer answer = CallRaw(kEcho, "", from_page);
  EXPECT_EQ(answer.headers[":status"], "204");
  EXPECT_EQ(answer.headers["access-control-allow-origin"], kOrigin);
  EXPECT_EQ(answer.headers["access-control-allow-methods"], "POST");
  EXPECT_EQ(answer.headers["access-control-allow-headers"],
            "content-type,x-grpc-web");
  EXPECT_EQ(answer.headers["access-control-max-age"], "7200");

  HeaderList from_another = asked;
  from_another.emplace_back("origin", "https://other.example");
  EXPECT_EQ(CallRaw(kEcho, "", from_another).headers[":status"], "403");
  EXPECT_EQ(CallRaw(kEcho, "", asked).headers[":status"], "405");
}

TEST_F(NativeServerTest, WithoutOptionsNoOriginIsAllowed) {
  RawAnswer answer = client_.Call(
      kEcho, Request("x"),
      {{"content-type", "application/grpc-web"}, {"origin", kOrigin}});
  EXPECT_EQ(answer.headers[":status"], "403");
}

}  // namespace
}  // namespace latchkey
