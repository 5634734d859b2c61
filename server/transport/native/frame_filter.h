// FrameFilter stands before nghttp2.  It counts the frames that move no call
// forward, and takes out the one frame that a client
// of the gRPC library sends against HTTP/2: RST_STREAM of a stream that it
// never opened.  The library sends it when a call's deadline passes between the
// choice of the stream's number and the writing of its headers.  RFC 9113 makes
// that an error of the connection (section 5.1), by which all other calls on it
// would fail; nothing is lost when it is left out.
//
// Thread safety: an instance belongs to one thread.
//
// Example:
//   while (!bytes.empty()) Use(filter.Next(&bytes));

#ifndef LATCHKEY_SERVER_TRANSPORT_NATIVE_FRAME_FILTER_H_
#define LATCHKEY_SERVER_TRANSPORT_NATIVE_FRAME_FILTER_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace latchkey {

class FrameFilter {
 public:
  // Takes bytes from the front of `*input`, as they come from the connection,
  // and returns those that nghttp2 shall see next; they may be none.  What is
  // returned lives as long as the input, and until the next call.
  //
  // REQUIRES: !input->empty().
  std::string_view Next(std::string_view* input);

  // Whether the last frame that came whole was one that was taken out.
  bool ends_in_idle_reset() const { return ends_in_idle_reset_; }

  // How many frames were neither HEADERS, WINDOW_UPDATE nor DATA with a
  // purpose, since the last call.
  int TakeControlFrames() { return std::exchange(control_frames_, 0); }

 private:
  static constexpr size_t kHeadBytes = 9;
  static constexpr size_t kPrefaceBytes = 24;

  // Looks at the head of a frame; returns whether the frame is to be left out.
  bool Judge(const char* head);

  // Of the present frame, or at first of the client's preface.
  size_t payload_left_ = kPrefaceBytes;
  bool leaves_out_ = false;
  bool ends_in_idle_reset_ = false;
  int control_frames_ = 0;
  // The beginning of a head whose end has not come.
  char head_[kHeadBytes] = {};
  size_t head_bytes_ = 0;
  // The greatest stream that was opened.
  uint32_t stream_max_ = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_TRANSPORT_NATIVE_FRAME_FILTER_H_
