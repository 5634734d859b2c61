#include "proto/wire/header_blocks.h"

#include <cstdint>
#include <cstring>

namespace latchkey::wire {
namespace {

// Takes an integer of HPACK with a prefix of `bits` from the front of `*in`.
// Returns false where it is not whole, or greater than any block.
bool TakeInteger(int bits, std::string_view* in, size_t* value) {
  if (in->empty()) return false;
  const size_t prefix_max = (size_t{1} << bits) - 1;
  *value = static_cast<unsigned char>(in->front()) & prefix_max;
  in->remove_prefix(1);
  if (*value < prefix_max) return true;
  for (int shift = 0; shift < 21; shift += 7) {
    if (in->empty()) return false;
    const auto byte = static_cast<unsigned char>(in->front());
    in->remove_prefix(1);
    *value += static_cast<size_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

bool SkipString(std::string_view* in) {
  size_t bytes = 0;
  if (!TakeInteger(7, in, &bytes) || bytes > in->size()) return false;
  in->remove_prefix(bytes);
  return true;
}

}  // namespace

bool KeepsTable(std::string_view block) {
  while (!block.empty()) {
    const auto first = static_cast<unsigned char>(block.front());
    size_t index = 0;
    if (first >= 0x80) {
      // Name and value from the table.
      if (!TakeInteger(7, &block, &index)) return false;
    } else if (first < 0x20) {
      // A value, and perhaps a name, that the table does not keep.
      if (!TakeInteger(4, &block, &index)) return false;
      if (index == 0 && !SkipString(&block)) return false;
      if (!SkipString(&block)) return false;
    } else {
      return false;
    }
  }
  return true;
}

bool AreEqualBlocks(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  uint64_t differences = 0;
  size_t at = 0;
  for (; at + sizeof(uint64_t) <= a.size(); at += sizeof(uint64_t)) {
    uint64_t of_a;
    uint64_t of_b;
    std::memcpy(&of_a, a.data() + at, sizeof(of_a));
    std::memcpy(&of_b, b.data() + at, sizeof(of_b));
    differences |= of_a ^ of_b;
  }
  for (; at < a.size(); ++at) {
    differences |= static_cast<unsigned char>(a[at] ^ b[at]);
  }
  return differences == 0;
}

}  // namespace latchkey::wire
