// The head of an HTTP/2 frame (RFC 9113, section 4.1), and the few types and
// flags that are read or written without nghttp2.
//
// Thread safety: free functions and values, no shared state.

#ifndef LATCHKEY_PROTO_WIRE_FRAME_H_
#define LATCHKEY_PROTO_WIRE_FRAME_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proto/wire/big_endian.h"

namespace latchkey::wire {

enum class FrameType : uint8_t {
  kData = 0,
  kHeaders = 1,
  kPriority = 2,
  kRstStream = 3,
  kSettings = 4,
  kPing = 6,
  kGoaway = 7,
  kWindowUpdate = 8,
  kContinuation = 9,
};

inline constexpr uint8_t kEndStreamFlag = 1;
inline constexpr uint8_t kEndHeadersFlag = 4;

inline constexpr size_t kFrameHeadBytes = 9;

// The payload of a frame that every receiver has to take.
inline constexpr size_t kFramePayloadMax = 16'384;

// The greatest window of flow control.
inline constexpr int64_t kWindowMax = 0x7fffffff;

// Bytes as nghttp2 has them.
inline std::string_view View(const uint8_t* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

struct FrameHead {
  // The payload's.
  size_t size = 0;
  FrameType type = FrameType::kData;
  uint8_t flags = 0;
  // 0: the connection.
  uint32_t stream = 0;
};

// 31 bits, the most significant byte first; the 32nd is ignored.
constexpr uint32_t ReadUint31(const char* bytes) {
  return ReadUint32(bytes) & 0x7fffffff;
}

// REQUIRES: `bytes`[0 .. kFrameHeadBytes).
constexpr FrameHead ReadFrameHead(const char* bytes) {
  const auto at = [bytes](int i) {
    return static_cast<unsigned char>(bytes[i]);
  };
  return {.size = static_cast<size_t>(at(0)) << 16 |
                  static_cast<size_t>(at(1)) << 8 | at(2),
          .type = static_cast<FrameType>(at(3)),
          .flags = at(4),
          .stream = ReadUint31(bytes + 5)};
}

// REQUIRES: `bytes`[0 .. kFrameHeadBytes), and head.size is of 24 bits.
constexpr void WriteFrameHead(const FrameHead& head, char* bytes) {
  bytes[0] = static_cast<char>(head.size >> 16);
  bytes[1] = static_cast<char>(head.size >> 8);
  bytes[2] = static_cast<char>(head.size);
  bytes[3] = static_cast<char>(head.type);
  bytes[4] = static_cast<char>(head.flags);
  WriteUint32(head.stream, bytes + 5);
}

}  // namespace latchkey::wire

#endif  // LATCHKEY_PROTO_WIRE_FRAME_H_
