// HTTP/2 (RFC 9113) and HPACK (RFC 7541) as bytes, for frames that no library
// would send.
//
// Thread safety: free functions, no shared state.

#ifndef LATCHKEY_TESTS_ATTACKS_HTTP2_BYTES_H_
#define LATCHKEY_TESTS_ATTACKS_HTTP2_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace latchkey {

enum Http2Frame : uint8_t {
  kDataFrame = 0,
  kHeadersFrame = 1,
  kPriorityFrame = 2,
  kRstStreamFrame = 3,
  kSettingsFrame = 4,
  kPingFrame = 6,
  kWindowUpdateFrame = 8,
  kContinuationFrame = 9,
  kUnknownFrame = 0x77,
};

inline constexpr uint8_t kEndStream = 1;
inline constexpr uint8_t kAck = 1;
inline constexpr uint8_t kEndHeaders = 4;

inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// `value` in `bytes` bytes, the most significant first.
inline std::string BigEndian(uint64_t value, int bytes) {
  std::string out;
  for (int i = bytes - 1; i >= 0; --i) {
    out += static_cast<char>(value >> (8 * i));
  }
  return out;
}

inline std::string Frame(Http2Frame type, uint8_t flags, uint32_t stream,
                         std::string_view payload = {}) {
  std::string out = BigEndian(payload.size(), 3);
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  out += BigEndian(stream, 4);
  out += payload;
  return out;
}

// An integer of HPACK with a prefix of `bits`; `first` has the bits before.
inline std::string HpackInteger(size_t value, int bits, uint8_t first) {
  const size_t most = (size_t{1} << bits) - 1;
  if (value < most) return {static_cast<char>(first | value)};
  std::string out = {static_cast<char>(first | most)};
  for (value -= most; value >= 128; value /= 128) {
    out += static_cast<char>(value % 128 + 128);
  }
  return out += static_cast<char>(value);
}

inline std::string HpackString(std::string_view text) {
  return HpackInteger(text.size(), 7, 0).append(text);
}

// A header that no table keeps, and one that the dynamic table does.
inline std::string Header(std::string_view name, std::string_view value) {
  return std::string(1, '\0') + HpackString(name) + HpackString(value);
}
inline std::string KeptHeader(std::string_view name, std::string_view value) {
  return std::string(1, '\x40') + HpackString(name) + HpackString(value);
}

// The headers of a call, as one block that changes no table.
inline std::string CallBlock(std::string_view path) {
  return Header(":method", "POST") + Header(":scheme", "http") +
         Header(":authority", "localhost") + Header(":path", path) +
         Header("te", "trailers") + Header("content-type", "application/grpc");
}

// A message with gRPC's prefix.
inline std::string Message(std::string_view bytes, char compressed = 0) {
  return std::string(1, compressed) + BigEndian(bytes.size(), 4) +
         std::string(bytes);
}

// `body` as frames of DATA that end the stream.
inline std::string Data(uint32_t stream, std::string_view body) {
  constexpr size_t kFrameBytes = 16 * 1024;
  std::string out;
  while (body.size() > kFrameBytes) {
    out += Frame(kDataFrame, 0, stream, body.substr(0, kFrameBytes));
    body.remove_prefix(kFrameBytes);
  }
  return out + Frame(kDataFrame, kEndStream, stream, body);
}

inline std::string Setting(uint16_t name, uint32_t value) {
  return BigEndian(name, 2) + BigEndian(value, 4);
}
inline constexpr uint16_t kInitialWindowSize = 4;

inline std::string WindowUpdate(uint32_t stream, uint32_t more) {
  return Frame(kWindowUpdateFrame, 0, stream, BigEndian(more, 4));
}

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_ATTACKS_HTTP2_BYTES_H_
