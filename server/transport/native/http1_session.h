// Http1Session is the HTTP/1.1 of one connection: it turns each request into
// one of HTTP/2 for the connection's Session, and the answer back, as a proxy
// between the two would.  So calls of gRPC-Web over HTTP/1.1 go the way of all
// others, with their limits, and this knows nothing of calls.
//
//   bytes -> Http1Parser -> nghttp2, as a client -> frames -> Session
//   bytes <- head, chunks <- nghttp2, as a client <- frames <- Session
//
// Requests are answered one after the other; those that are sent ahead wait,
// unread, until the one before them has its answer.  An answer is taken from
// Session only when the socket takes it: HTTP/2's window does the rest.
//
// Answers come in chunks.  One that ends before its end ends the connection, so
// that its client can tell.
//
// Thread safety: belongs to its worker's thread.

#ifndef LATCHKEY_SERVER_TRANSPORT_NATIVE_HTTP1_SESSION_H_
#define LATCHKEY_SERVER_TRANSPORT_NATIVE_HTTP1_SESSION_H_

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "server/base/clock.h"
#include "server/transport/native/http1_parser.h"
#include "server/transport/native/options.h"

namespace latchkey {

class Session;

class Http1Session {
 public:
  // `session` and `options` must outlive it.
  //
  // REQUIRES: `session` has received nothing.
  Http1Session(Session& session, const NativeServerOptions& options,
               UnixNanos now);
  ~Http1Session();

  Http1Session(const Http1Session&) = delete;
  Http1Session& operator=(const Http1Session&) = delete;

  // What should be read at a time: it may have to be kept.
  static constexpr size_t kReadBytesMax = 16 * 1024;

  // Takes what was read at `now`.  Returns false when the connection is broken
  // beyond an answer.
  [[nodiscard]] bool Receive(std::string_view bytes, UnixNanos now);

  // Whether something of that waits for the worker's next turn of this
  // connection, by an empty Receive().
  bool has_unreceived() const {
    return !ended_ && (turn_is_over_ || !unheard_.empty());
  }

  // As Session's.
  [[nodiscard]] bool FillOutput(std::string* output, size_t bytes_max);
  bool is_done() const;

  // Whether so much waits for an answer that nothing more should be read.
  bool is_congested() const;

  // Ends what has taken too long: a head, or the wait for a next request.
  // Returns whether there is something to write, or the connection is over.
  bool EndLate(UnixNanos now);

  // nghttp2's callbacks.
  ssize_t TakeBody(uint8_t* buffer, size_t length, uint32_t* flags);
  void OnHeader(std::string_view name, std::string_view value);
  void OnData(int32_t id, std::string_view data);
  void OnFrame(const nghttp2_frame& frame);
  void OnClosed(uint32_t error);

 private:
  // Understands what can be of `input_`.
  void ParseInput();
  void BeginRequest();
  // Hands to Session what nghttp2 has for it.  Returns false as Receive(), and
  // sets `*moved` where there was something.
  bool TellSession(bool* moved);
  void BeginAnswer(bool is_whole);
  void EndAnswer();
  // Answers with a status of HTTP and ends the connection.
  void Refuse(int status);

  // Constant after construction.
  Session& session_;
  const NativeServerOptions& options_;
  const Http1Parser::Limits limits_;
  nghttp2_session* http_ = nullptr;

  // What was read and not understood yet.
  std::string input_;
  // Since the turn is over.
  bool turn_is_over_ = false;
  // What was made of it, and Session had no time for.
  std::string unheard_;
  // The request that is coming; null between two.
  std::unique_ptr<Http1Parser> parser_;
  // What came of its body and was not taken by nghttp2, from body_begin_ on.
  std::string body_;
  size_t body_begin_ = 0;
  bool body_whole_ = false;
  bool body_sent_ = false;
  bool keeps_alive_ = true;
  // Whether a request came that could be understood.
  bool has_requests_ = false;
  // When the head began to come, or, between requests, the last answer ended.
  UnixNanos begin_time_ = 0;

  // The answer: its stream, or 0; its status and headers.
  int32_t stream_ = 0;
  std::string status_;
  std::string headers_;
  bool answer_begun_ = false;
  bool answer_ended_ = false;

  // What is to be written.
  std::string ready_;
  // Session takes no more requests.
  bool closing_ = false;
  // Nothing more is understood or answered.
  bool ended_ = false;
  // An answer was cut: the connection must end before it looks whole.
  bool broken_ = false;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_TRANSPORT_NATIVE_HTTP1_SESSION_H_
