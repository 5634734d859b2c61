// Http1Parser takes one request of HTTP/1.1 apart, as its bytes come.
//
// It is strict where two readers could disagree on where a request ends (RFC
// 9112, sections 6 and 11.2): one Content-Length of digits, or a
// Transfer-Encoding that is "chunked" and nothing else, or neither, and never
// both; one Host; no HTTP/1.0.
//
// The syntax is read by Boost.Beast's parser, which is incremental, has limits,
// and needs nothing when the program runs.
//
// Thread safety: none.

#ifndef LATCHKEY_SERVER_TRANSPORT_NATIVE_HTTP1_PARSER_H_
#define LATCHKEY_SERVER_TRANSPORT_NATIVE_HTTP1_PARSER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace latchkey {

class Http1Parser {
 public:
  struct Limits {
    // All of the head as HTTP/2 counts it, 32 bytes for each header among it,
    // and as it was sent.
    size_t head_bytes_max = 0;
    // The body, without what its chunks add.
    uint64_t body_bytes_max = 0;
  };

  struct Head {
    std::string method;
    std::string target;
    std::string host;
    // In order; names in lower case; without what is about the connection.
    std::vector<std::pair<std::string, std::string>> headers;
    // Whether the client waits to be told that it may send the body.
    bool expects_continue = false;
    // Whether another request may follow on the connection.
    bool keeps_alive = true;
  };

  enum class Result {
    // It needs more than was left of the input.
    kNeedMore,
    // head() is whole.
    kHead,
    // A part of the body was appended, or only its end was found.
    kBody,
    // It is wrong: error_status() says how.  Nothing may follow.
    kBad,
  };

  explicit Http1Parser(const Limits& limits);
  ~Http1Parser();

  Http1Parser(const Http1Parser&) = delete;
  Http1Parser& operator=(const Http1Parser&) = delete;

  // Takes one step: from the front of `*input` what it has understood, which
  // must come again, with more behind it, where it was not taken.  A part of
  // the body is appended to `body`.
  //
  // REQUIRES: is_whole() is false, and the last result was not kBad.
  Result Parse(std::string_view* input, std::string* body);

  // Whether all of the request was taken.
  bool is_whole() const;

  // REQUIRES: kHead was returned.
  const Head& head() const;

  // A status of HTTP, as 400.
  int error_status() const;

 private:
  class Request;

  const std::unique_ptr<Request> request_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_TRANSPORT_NATIVE_HTTP1_PARSER_H_
