// FrameReader cuts the bytes of a connection into frames, one at a time.  A
// frame that came whole is handed out whole; of one that did not, a short one
// is kept until the rest of it has come, and a long one is handed out in
// pieces.
//
// Thread safety: an instance belongs to one thread.
//
// Example:
//   while (!bytes.empty()) {
//     const FrameReader::Piece piece = reader.Next(&bytes);
//     if (!piece.bytes.empty()) Use(piece);
//   }

#ifndef LATCHKEY_SERVER_TRANSPORT_NATIVE_FRAME_READER_H_
#define LATCHKEY_SERVER_TRANSPORT_NATIVE_FRAME_READER_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "proto/wire/frame.h"

namespace latchkey {

class FrameReader {
 public:
  struct Piece {
    // With the head, where the piece begins a frame.
    std::string_view bytes;
    // False for the client's preface and for the rest of a long frame.
    bool begins_frame = false;
    bool whole = false;
    // Of the frame that begins.
    wire::FrameHead head = {};
  };

  // Takes bytes from the front of `*input`.  What is returned lives as long as
  // the input and until the next call; it is empty where all of the input was
  // kept.
  //
  // REQUIRES: !input->empty().
  Piece Next(std::string_view* input);

 private:
  // The longest frame that is kept: requests and answers of usual calls, and
  // all that a connection says of itself.
  static constexpr size_t kKeptBytesMax = 1024;
  static constexpr size_t kPrefaceBytes = 24;

  // Adds to the frame that is kept.
  Piece GoOnKeeping(std::string_view* input);

  // Of a frame that is handed out in pieces, or at first of the preface.
  size_t payload_left_ = kPrefaceBytes;
  // The beginning of a frame, or the whole that was handed out last.
  std::string kept_;
  bool kept_is_whole_ = false;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_TRANSPORT_NATIVE_FRAME_READER_H_
