// Numbers of 32 bits, the most significant byte first.
//
// Thread safety: free functions, no shared state.

#ifndef LATCHKEY_PROTO_WIRE_BIG_ENDIAN_H_
#define LATCHKEY_PROTO_WIRE_BIG_ENDIAN_H_

#include <cstdint>

namespace latchkey::wire {

// Without loops, so that compilers make one instruction of each.

// REQUIRES: `bytes`[0 .. 4).
constexpr uint32_t ReadUint32(const char* bytes) {
  const auto at = [bytes](int i) {
    return uint32_t{static_cast<unsigned char>(bytes[i])};
  };
  return at(0) << 24 | at(1) << 16 | at(2) << 8 | at(3);
}

// REQUIRES: as above.
constexpr void WriteUint32(uint32_t number, char* bytes) {
  bytes[0] = static_cast<char>(number >> 24);
  bytes[1] = static_cast<char>(number >> 16);
  bytes[2] = static_cast<char>(number >> 8);
  bytes[3] = static_cast<char>(number);
}

}  // namespace latchkey::wire

#endif  // LATCHKEY_PROTO_WIRE_BIG_ENDIAN_H_
