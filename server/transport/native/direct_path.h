// DirectPath is the short way of ordinary unary calls, past nghttp2.  A call
// takes it whose header block is known (RequestBlocks), whose request came in
// one whole DATA frame, and whose answer is OK and can be written at once.
//
// nghttp2 knows nothing of such a call, and stays right in all it knows:
//   1. HPACK's table: blocks of the short way do not change it, nor do the
//      blocks of its answers.
//   2. Streams: as soon as something else happens to a call (an error, an
//      answer that has to wait, any other frame of its stream), nghttp2 is told
//      the frames that it has not seen, and the call goes on as every other
//      one: Adopt().  Those of lower numbers are told before it, and all before
//      nghttp2 sees HEADERS, or a part of a frame, from the client.  So it sees
//      ascending numbers, and is never told in the middle of a frame.
//   3. What may be sent on the connection: see unseen_sent_.
//   4. What the client may send: what nghttp2 has not seen, DirectPath gives
//      back by a WINDOW_UPDATE of its own.
//   5. The last stream in a GOAWAY: Session writes the true one.
//
// Thread safety: belongs to its worker's thread.  Not to be called from inside
// nghttp2, except as said.

#ifndef LATCHKEY_SERVER_TRANSPORT_NATIVE_DIRECT_PATH_H_
#define LATCHKEY_SERVER_TRANSPORT_NATIVE_DIRECT_PATH_H_

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/rpc/call.h"
#include "server/transport/native/frame_reader.h"
#include "server/transport/native/request_blocks.h"

namespace latchkey {

class Session;
class Stream;
struct NativeServerOptions;

class DirectPath {
 public:
  // A part of `session`.
  explicit DirectPath(Session& session) : session_(session) {}

  DirectPath(const DirectPath&) = delete;
  DirectPath& operator=(const DirectPath&) = delete;

  // The stream `id`, where nghttp2 has not heard of it and it is not over.
  Stream* Find(uint32_t id) const;
  bool has_streams() const { return !streams_.empty(); }

  // Each takes a frame, or returns false: it is for nghttp2.
  //
  // Opens a stream.
  bool TakeHeaders(const FrameReader::Piece& piece);
  // REQUIRES: stream is Find(piece.head.stream).
  bool TakeFrame(Stream& stream, const FrameReader::Piece& piece);
  // More room on the connection.  REQUIRES: the piece is whole.
  bool TakeWindowUpdate(const FrameReader::Piece& piece);

  // nghttp2 is about to see a frame of HEADERS, and has seen it.
  void BeforeHeaders(const FrameReader::Piece& piece);
  void AfterHeaders() { learning_ = {}; }

  // Inside nghttp2: it has decoded the block of that frame, and a unary call,
  // `stream`, began with it.
  void Learn(const Stream& stream);

  // Tells nghttp2 of a stream, or of all.
  void Adopt(Stream& stream);
  void AdoptAll();

  // Inside nghttp2: whether what it sees is being told by Adopt(), and of which
  // stream.
  Stream* adopting() const { return adopting_; }

  // Answers a call with OK and its response, and closes its stream.  Returns
  // false, and does nothing, where that has to go the long way, as Reply() has
  // to with a response that fills more than one frame.
  bool Reply(Stream& stream, const ReplyBody& response,
             const Trailers& trailers);
  bool ReplyFramed(Stream& stream, std::string_view framed,
                   const Trailers& trailers);

  // Whether `stream` is just being run from TakeFrame(), which will recycle it.
  bool is_running(const Stream& stream) const { return running_ == &stream; }

  // How much may be sent on the connection: nghttp2 has another opinion.  May
  // be called inside nghttp2.
  int64_t window() const;

  // Inside nghttp2: an answer waits for window().
  void WaitForWindow() { window_shut_ = true; }

  // During a turn of the connection that can write: what the turn will write.
  // Else nullptr.
  void set_turn_output(std::string* output) { turn_output_ = output; }

  // Appends what was answered outside of a turn.
  void TakeOutput(std::string* output);

  // Whether nghttp2 has more to write, perhaps in the middle of a block of
  // headers.
  void set_interrupted(bool interrupted) { interrupted_ = interrupted; }

  // From now on, all calls go the long way.
  void Disable() { enabled_ = false; }

  // nghttp2 was not shown DATA of this size, which the client has sent.
  void OnLeftOut(size_t bytes) { unseen_received_ += bytes; }

  // The connection is gone.
  void Forget() { streams_.clear(); }

 private:
  bool TakeData(Stream& stream, const FrameReader::Piece& piece);
  void Tell(Stream& stream);
  void TellFrame(const wire::FrameHead& head, std::string_view payload);
  void TellBytes(std::string_view bytes);
  bool MayWrite(size_t bytes) const;
  // Whether an answer of `bytes` of data may be written.
  bool MayAnswer(size_t bytes, const Trailers& trailers) const;
  // What answers are appended to.
  std::string& output() {
    return turn_output_ != nullptr ? *turn_output_ : own_output_;
  }
  // After an answer of `bytes` of data was written.
  void OnAnswered(Stream& stream, size_t bytes);
  void GiveWindowBack(std::string* output);

  nghttp2_session* http() const;
  const NativeServerOptions& options() const;

  Session& session_;

  RequestBlocks blocks_;
  // The block that nghttp2 is about to decode, where it is to be learnt.
  std::string_view learning_;

  // Those that nghttp2 has not heard of, by ascending number.
  std::vector<Stream*> streams_;
  Stream* adopting_ = nullptr;
  const Stream* running_ = nullptr;

  // Bytes of answers that nghttp2 does not know were sent.  It believes that it
  // may send so much more than it may.  What the client then adds is kept from
  // it, up to as much.
  int64_t unseen_sent_ = 0;
  // Bytes of requests that it does not know were received, and that the client
  // was not given back.
  size_t unseen_received_ = 0;

  std::string* turn_output_ = nullptr;
  std::string own_output_;
  bool window_shut_ = false;
  // From the start: nghttp2's SETTINGS come before anything else.
  bool interrupted_ = true;
  bool enabled_ = true;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_TRANSPORT_NATIVE_DIRECT_PATH_H_
