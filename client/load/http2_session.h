// Http2Session is one connection of HTTP/2 that carries gRPC calls, without its
// socket: bytes go in and out.
//
// It costs a fraction of what a general library does (h2load, which is
// nghttp2's session, takes twice as much as the server for a call) since all
// its calls are alike: their headers are encoded once, by nghttp2, and then
// sent as the same bytes; the answers' headers are looked up, and decoded by
// nghttp2 only where they are new.
//
// It takes answers of any size at any pace, and sends what the server's windows
// allow.  A server that breaks the protocol ends the connection.
//
// Thread safety: an instance belongs to one thread.

#ifndef LATCHKEY_CLIENT_LOAD_HTTP2_SESSION_H_
#define LATCHKEY_CLIENT_LOAD_HTTP2_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "client/load/header_codec.h"
#include "client/load/native_call.h"
#include "proto/wire/frame.h"

namespace latchkey::load {

class Http2Session {
 public:
  // Calls that have ended are appended to `ended`, which outlives the session.
  // A call that ended well has status 0 and one whole message.
  Http2Session(const SessionOptions& options, std::vector<NativeCall*>* ended);

  Http2Session(const Http2Session&) = delete;
  Http2Session& operator=(const Http2Session&) = delete;

  // Whether the server has said that it speaks HTTP/2.
  bool is_ready() const { return is_ready_; }

  // Whether a call may be started now.
  bool MayStart() const {
    return is_ready_ && !is_over_ && streams_.size() < streams_max_;
  }

  // The connection takes no more calls: the server has said so (GOAWAY), or
  // its numbers are used up.  What is under way goes on.
  bool is_over() const { return is_over_; }

  bool has_calls() const { return !streams_.empty(); }

  // Sends a call, which lives until it has ended or was abandoned.
  //
  // REQUIRES: MayStart().
  void Start(NativeCall* call);

  // Forgets a call that has been started and has not ended, and tells the
  // server.
  void Abandon(NativeCall* call);

  // Takes what the server sent.  Returns false where the connection cannot go
  // on; error() then says why.
  [[nodiscard]] bool Receive(std::string_view bytes);
  const std::string& error() const { return error_; }

  // What is to be sent to the server, which the caller clears.
  std::string* output() { return &output_; }

  // The calls that the server has said it never looked at.
  std::vector<NativeCall*> TakeReturned();

  // All calls under way, which are so forgotten.
  std::vector<NativeCall*> TakeCalls();

 private:
  void AppendFrame(const wire::FrameHead& head, std::string_view payload);
  void AppendNumber(wire::FrameType type, uint32_t stream, uint32_t number);
  // Sends as much of its body as windows allow.
  void SendBody(NativeCall* call);
  void SendBlocked();

  // Each returns false where the connection cannot go on.
  bool Fail(std::string error);
  bool OnFrame(const wire::FrameHead& head, std::string_view payload);
  bool OnHeaders(const wire::FrameHead& head, std::string_view payload);
  bool OnContinuation(const wire::FrameHead& head, std::string_view payload);
  bool OnBlock(uint32_t stream, bool ends_stream, std::string_view block);
  bool OnData(const wire::FrameHead& head, std::string_view payload);
  bool OnSettings(const wire::FrameHead& head, std::string_view payload);
  bool OnSetting(uint32_t name, uint32_t value);
  bool OnWindowUpdate(const wire::FrameHead& head, std::string_view payload);
  bool OnGoaway(std::string_view payload);

  NativeCall* Find(uint32_t stream) const;
  void Forget(NativeCall* call);
  // The server has said all.
  void OnEnd(NativeCall* call);
  // Ends `call` by an error of this side's finding.
  void EndWith(NativeCall* call, grpc::StatusCode code, std::string message);

  // Constant after construction.
  std::vector<NativeCall*>* const ended_;

  std::string output_;
  // The beginning of a frame.
  std::string kept_;
  std::string error_;
  bool is_ready_ = false;
  bool is_over_ = false;

  RequestEncoder encoder_;
  AnswerDecoder decoder_;
  // A block that goes on in CONTINUATION; stream 0: none.
  wire::FrameHead block_head_;
  std::string block_;

  absl::flat_hash_map<uint32_t, NativeCall*> streams_;
  uint32_t next_stream_ = 1;
  size_t streams_max_ = SIZE_MAX;
  // Calls that wait for a window.
  std::vector<NativeCall*> blocked_;
  std::vector<NativeCall*> returned_;
  // Of the connection, as NativeCall::window.
  int64_t window_ = 65'535;
  int64_t first_window_ = 65'535;
  // Data that the server has not been given room for again.
  size_t received_bytes_ = 0;
};

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_HTTP2_SESSION_H_
