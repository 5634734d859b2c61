// FrameFilter judges the frames that a client sends before nghttp2 sees them.
// It counts those that move no call forward, and leaves out those that are no
// error but would be one to nghttp2:
//
//   - RST_STREAM of a stream that was never opened.  A client of the gRPC
//     library sends it when a call's deadline passes between the choice of the
//     stream's number and the writing of its headers.  RFC 9113 makes that an
//     error of the connection (section 5.1), by which all other calls on it
//     would fail; nothing is lost when it is left out.
//   - What may follow the end of a stream of which nghttp2 never heard, because
//     DirectPath answered it.
//   - DATA behind a reset from the client itself.  A client that cancels a call
//     while another of its threads ends the request sends it, and only the
//     stream is to pay for that.
//
// Thread safety: an instance belongs to one thread.

#ifndef LATCHKEY_SERVER_TRANSPORT_NATIVE_FRAME_FILTER_H_
#define LATCHKEY_SERVER_TRANSPORT_NATIVE_FRAME_FILTER_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "proto/wire/frame.h"

namespace latchkey {

class FrameFilter {
 public:
  enum class Verdict {
    kPass,
    // As kPass; the frame opens a stream.
    kOpens,
    kLeaveOut,
    // The frame opens a stream whose number was passed over.
    kNotAscending,
    // The frame is of a stream that is closed, of which nghttp2 does not know.
    kClosed,
    // The frame is DATA of a stream that its client has reset.  Also left out.
    kAfterReset,
    // The frame is larger than any may be.  nghttp2 takes it for CONTINUATION.
    kTooLarge,
  };

  // `resets_kept`: how many streams that were reset are remembered.  nghttp2
  // lets DATA pass for a closed stream that it has forgotten, so that as many
  // as it remembers are enough.  REQUIRES: resets_kept > 0.
  explicit FrameFilter(uint32_t resets_kept) : resets_kept_(resets_kept) {}

  // Judges the next frame.  `direct` says that its stream is one of
  // DirectPath's just now.
  Verdict Judge(const wire::FrameHead& head, bool direct);

  // Whether the next frame has to go on with a block of headers: nghttp2 says
  // so where it does not.
  bool in_block() const { return in_block_; }

  // nghttp2 gets the headers of `stream`.
  void OnPassed(uint32_t stream) {
    passed_max_ = std::max(passed_max_, stream);
  }

  // The greatest stream that was opened.
  uint32_t stream_max() const { return stream_max_; }

  // Whether the last frame was a reset of a stream that was never opened.
  bool ends_in_idle_reset() const { return ends_in_idle_reset_; }

  // How many frames were neither HEADERS, WINDOW_UPDATE nor DATA with a
  // purpose, since the last call.
  int TakeControlFrames() { return std::exchange(control_frames_, 0); }

 private:
  bool WasReset(uint32_t stream) const {
    return std::find(resets_.begin(), resets_.end(), stream) != resets_.end();
  }
  void Remember(uint32_t reset);

  const uint32_t resets_kept_;
  bool ends_in_idle_reset_ = false;
  bool in_block_ = false;
  int control_frames_ = 0;
  uint32_t stream_max_ = 0;
  // The numbers that were passed over last: from the first to before the
  // second. Clients take every odd number, so that one gap is enough.
  uint32_t gap_begin_ = 0;
  uint32_t gap_end_ = 0;
  // The greatest stream that nghttp2 knows.
  uint32_t passed_max_ = 0;
  // Which one of resets_ the next replaces.
  uint32_t oldest_reset_ = 0;
  // Streams that their client has reset.
  std::vector<uint32_t> resets_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_TRANSPORT_NATIVE_FRAME_FILTER_H_
