// Http2FrameScanner finds where a reply begins in the bytes that a server sends
// over one HTTP/2 connection: it follows the frames by their lengths and looks
// at their types, and at nothing else.
//
// Thread safety: none; one for each connection.

#ifndef LATCHKEY_TESTS_SUPPORT_HTTP2_FRAME_SCANNER_H_
#define LATCHKEY_TESTS_SUPPORT_HTTP2_FRAME_SCANNER_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace latchkey {

class Http2FrameScanner {
 public:
  // Takes the next bytes.  The place in them of the first HEADERS or DATA frame
  // that begins here, if there is one.  A frame whose first bytes came earlier,
  // too few to know its type by, counts as beginning at 0.
  std::optional<size_t> Scan(std::span<const uint8_t> bytes) {
    std::optional<size_t> found;
    size_t place = 0;
    while (place < bytes.size()) {
      if (payload_left_ > 0) {
        const size_t skipped = std::min(payload_left_, bytes.size() - place);
        payload_left_ -= skipped;
        place += skipped;
        continue;
      }
      // length (3 bytes), type, flags, stream (4 bytes)
      const uint8_t byte = bytes[place];
      if (header_bytes_ < 3) {
        length_ = length_ << 8 | byte;
      } else if (header_bytes_ == 3 && byte <= kHeaders && !found) {
        found = place < 3 ? 0 : place - 3;
      }
      ++place;
      if (++header_bytes_ == kHeaderBytes) {
        payload_left_ = length_;
        header_bytes_ = 0;
        length_ = 0;
      }
    }
    return found;
  }

 private:
  static constexpr int kHeaderBytes = 9;
  // DATA is 0.
  static constexpr uint8_t kHeaders = 1;

  // Of the frame under way.
  int header_bytes_ = 0;
  size_t length_ = 0;
  size_t payload_left_ = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SUPPORT_HTTP2_FRAME_SCANNER_H_
