// Http2PingFilter takes the PING frames out of what an HTTP/2 client sends;
// they carry nothing that later frames build on.  A stream that does not begin
// with the preface of HTTP/2 goes through as it is.
//
// A FaultProxy's mirror needs it: its bytes may reach the server in lumps, and
// a server of gRPC ends a connection on which several pings come between two of
// its answers (GOAWAY, too_many_pings).
//
// Thread safety: none; one for each connection.

#ifndef LATCHKEY_TESTS_SUPPORT_HTTP2_PING_FILTER_H_
#define LATCHKEY_TESTS_SUPPORT_HTTP2_PING_FILTER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace latchkey {

class Http2PingFilter {
 public:
  // What may go on of the next bytes and of those held back: the beginning of a
  // frame is, until it is whole.
  std::vector<uint8_t> Filter(std::span<const uint8_t> bytes) {
    std::vector<uint8_t> passed;
    for (const uint8_t byte : bytes) Take(byte, passed);
    return passed;
  }

 private:
  static constexpr std::string_view kPreface =
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  static constexpr uint8_t kPing = 6;

  void Take(uint8_t byte, std::vector<uint8_t>& passed) {
    if (preface_bytes_ < kPreface.size()) {
      if (byte != static_cast<uint8_t>(kPreface[preface_bytes_])) {
        other_protocol_ = true;
        preface_bytes_ = kPreface.size();
      } else {
        ++preface_bytes_;
      }
      passed.push_back(byte);
    } else if (other_protocol_) {
      passed.push_back(byte);
    } else if (payload_left_ > 0) {
      --payload_left_;
      if (!is_ping_) passed.push_back(byte);
    } else {
      TakeHeader(byte, passed);
    }
  }

  // length (3 bytes), type, flags, stream (4 bytes)
  void TakeHeader(uint8_t byte, std::vector<uint8_t>& passed) {
    header_[header_bytes_++] = byte;
    if (header_bytes_ < header_.size()) return;
    header_bytes_ = 0;
    payload_left_ =
        size_t{header_[0]} << 16 | size_t{header_[1]} << 8 | size_t{header_[2]};
    is_ping_ = header_[3] == kPing;
    if (!is_ping_) passed.insert(passed.end(), header_.begin(), header_.end());
  }

  size_t preface_bytes_ = 0;
  bool other_protocol_ = false;
  // Of the frame under way.
  std::array<uint8_t, 9> header_;
  size_t header_bytes_ = 0;
  size_t payload_left_ = 0;
  bool is_ping_ = false;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SUPPORT_HTTP2_PING_FILTER_H_
