#include "server/transport/native/http1_parser.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace latchkey {
namespace {

constexpr Http1Parser::Limits kLimits = {.head_bytes_max = 1'000,
                                         .body_bytes_max = 100};

struct Parsed {
  // 0, or what it is refused with.
  int error = 0;
  bool is_whole = false;
  Http1Parser::Head head;
  std::string body;
  // What was left of the input.
  std::string rest;
};

// Gives `text` in pieces of `size`.
Parsed ParseInPieces(std::string_view text, size_t size) {
  Http1Parser parser(kLimits);
  Parsed parsed;
  std::string input;
  bool has_head = false;
  while (!text.empty() && !parsed.is_whole) {
    input += text.substr(0, size);
    text.remove_prefix(std::min(size, text.size()));
    std::string_view left = input;
    while (!parsed.is_whole && !left.empty()) {
      const Http1Parser::Result result = parser.Parse(&left, &parsed.body);
      if (result == Http1Parser::Result::kBad) {
        parsed.error = parser.error_status();
        return parsed;
      }
      if (result == Http1Parser::Result::kNeedMore) break;
      if (result == Http1Parser::Result::kHead) {
        EXPECT_FALSE(has_head);
        has_head = true;
        parsed.head = parser.head();
      }
      parsed.is_whole = parser.is_whole();
    }
    input.erase(0, input.size() - left.size());
  }
  parsed.rest = input + std::string(text);
  return parsed;
}

Parsed Parse(std::string_view text) {
  const Parsed whole = ParseInPieces(text, text.size());
  for (size_t size = 1; size < 40; ++size) {
    const Parsed pieces = ParseInPieces(text, size);
    EXPECT_EQ(pieces.error, whole.error) << text;
    EXPECT_EQ(pieces.is_whole, whole.is_whole) << text;
    if (whole.error != 0) continue;
    EXPECT_EQ(pieces.body, whole.body) << text;
    EXPECT_EQ(pieces.rest, whole.rest) << text;
  }
  return whole;
}

TEST(Http1ParserTest, TakesARequestApart) {
  const Parsed parsed = Parse(
      "POST /a/b HTTP/1.1\r\nHost: h:1\r\nContent-Type: x\r\nX-A:  1 \r\n"
      "TE: trailers\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\n"
      "helloPOST");
  EXPECT_EQ(parsed.error, 0);
  EXPECT_TRUE(parsed.is_whole);
  EXPECT_EQ(parsed.head.method, "POST");
  EXPECT_EQ(parsed.head.target, "/a/b");
  EXPECT_EQ(parsed.head.host, "h:1");
  EXPECT_TRUE(parsed.head.keeps_alive);
  EXPECT_FALSE(parsed.head.expects_continue);
  EXPECT_EQ(parsed.head.headers,
            (std::vector<std::pair<std::string, std::string>>{
                {"content-type", "x"}, {"x-a", "1"}}));
  EXPECT_EQ(parsed.body, "hello");
  EXPECT_EQ(parsed.rest, "POST");
}

TEST(Http1ParserTest, PutsChunksTogether) {
  const Parsed parsed = Parse(
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n"
      "3\r\nabc\r\n0A;x=\"y\"\r\n0123456789\r\n0\r\nX-Trailer: 1\r\n\r\nrest");
  EXPECT_EQ(parsed.error, 0);
  EXPECT_TRUE(parsed.is_whole);
  EXPECT_EQ(parsed.body, "abc0123456789");
  EXPECT_TRUE(parsed.head.headers.empty());
  EXPECT_EQ(parsed.rest, "rest");
}

TEST(Http1ParserTest, ARequestMayHaveNoBody) {
  const Parsed parsed = Parse("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\nrest");
  EXPECT_TRUE(parsed.is_whole);
  EXPECT_EQ(parsed.head.target, "*");
  EXPECT_EQ(parsed.body, "");
  EXPECT_EQ(parsed.rest, "rest");
}

TEST(Http1ParserTest, SaysWhatTheClientWantsOfTheConnection) {
  EXPECT_FALSE(
      Parse("POST / HTTP/1.1\r\nHost: h\r\nConnection: x, Close\r\n\r\n")
          .head.keeps_alive);
  EXPECT_TRUE(Parse("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\n"
                    "Content-Length: 1\r\n\r\na")
                  .head.expects_continue);
}

// After a good first line, headers and perhaps a body.
TEST(Http1ParserTest, RefusesWhatIsWrongOrCouldBeReadInTwoWays) {
  struct Row {
    int error;
    std::string headers;
  };
  const std::string host = "Host: h\r\n";
  const std::string chunked = host + "Transfer-Encoding: chunked\r\n";
  for (const Row& row : {
           // Where the request ends.
           Row{400, chunked + "Content-Length: 3\r\n\r\n0\r\n\r\n"},
           Row{400, host + "Content-Length: 3\r\nTransfer-Encoding: "
                           "chunked\r\n\r\n0\r\n\r\n"},
           Row{400, host + "Content-Length: 1\r\nContent-Length: 1\r\n\r\na"},
           Row{400, host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"},
           Row{400, host + "Content-Length: 1, 1\r\n\r\na"},
           Row{400, host + "Content-Length: +1\r\n\r\na"},
           Row{400, host + "Content-Length: -1\r\n\r\na"},
           Row{400, host + "Content-Length: 0x1\r\n\r\na"},
           Row{400, host + "Content-Length: \r\n\r\n"},
           Row{400, host + "Content-Length: 18446744073709551616\r\n\r\n"},
           Row{501, host + "Transfer-Encoding: gzip\r\n\r\n"},
           Row{501, host + "Transfer-Encoding: xchunked\r\n\r\n"},
           Row{501, host + "Transfer-Encoding: gzip, chunked\r\n\r\n"},
           Row{501, host + "Transfer-Encoding: chunked, gzip\r\n\r\n"},
           Row{501, host + "Transfer-Encoding: \"chunked\"\r\n\r\n"},
           Row{400, chunked + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
           Row{400, host + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"},
           Row{400, chunked + "\r\n0\r\nContent-Length: 5\r\n\r\n"},
           // Chunks.
           Row{400, chunked + "\r\nx\r\n"},
           Row{400, chunked + "\r\n-1\r\n"},
           Row{400, chunked + "\r\n1\r\nabc\r\n0\r\n\r\n"},
           Row{400, chunked + "\r\n1 \r\na\r\n0\r\n\r\n"},
           Row{400, chunked + "\r\n11111111111111111\r\na"},
           Row{400, chunked + "\r\n1;=\r\na\r\n0\r\n\r\n"},
           // Hosts.
           Row{400, "\r\n"},
           Row{400, host + host + "\r\n"},
           // Lines.
           Row{400, host + "X: a\nY: b\r\n\r\n"},
           Row{400, host + "X: a\r\r\n\r\n"},
           Row{400, host + ": a\r\n\r\n"},
           Row{400, host + "no colon\r\n\r\n"},
           Row{400, host + "X: \x01\r\n\r\n"},
           Row{400, host + std::string("X: a\0b\r\n\r\n", 10)},
           // What is not served.
           Row{417, host + "Expect: something\r\n\r\n"},
           // Limits.
           Row{431, host + "X: " + std::string(2'000, 'x') + "\r\n\r\n"},
           Row{431, host + std::string(2'000, 'x')},
           Row{413, host + "Content-Length: 101\r\n\r\n"},
           Row{413, chunked + "\r\n65\r\n"},
       }) {
    const std::string text = "POST / HTTP/1.1\r\n" + row.headers;
    EXPECT_EQ(Parse(text).error, row.error) << text;
  }
  // 32 bytes are counted for each: so few that they come to 1,000.
  std::string many = "POST / HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 40; ++i) many += "a: b\r\n";
  EXPECT_EQ(Parse(many + "\r\n").error, 431);
}

TEST(Http1ParserTest, RefusesFirstLines) {
  struct Row {
    int error;
    const char* line;
  };
  for (const Row& row : {
           Row{505, "POST / HTTP/1.0"},
           Row{505, "POST / HTTP/2.0"},
           Row{505, "POST / HTTP/1.2"},
           Row{400, "POST /"},
           Row{400, "POST  / HTTP/1.1"},
           Row{400, "PO(ST / HTTP/1.1"},
           Row{400, " / HTTP/1.1"},
           Row{505, "POST / http/1.1"},
           Row{400, "POST /\x01 HTTP/1.1"},
           Row{400, "\x16\x03\x01\x02"},
       }) {
    const std::string text = std::string(row.line) + "\r\nHost: h\r\n\r\n";
    EXPECT_EQ(Parse(text).error, row.error) << row.line;
  }
}

TEST(Http1ParserTest, LimitsAreReached) {
  EXPECT_TRUE(
      Parse("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n" +
            std::string(100, 'b'))
          .is_whole);
  EXPECT_TRUE(Parse("POST / HTTP/1.1\r\nHost: h\r\nX: " +
                    std::string(800, 'x') + "\r\n\r\n")
                  .is_whole);
}

}  // namespace
}  // namespace latchkey
