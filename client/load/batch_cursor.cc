#include "client/load/batch_cursor.h"

#include <algorithm>

namespace latchkey::load {
namespace {

// Tags and lengths around one entry of a batch, with an expiration.
constexpr uint64_t kFramingBytesMax = 64;

}  // namespace

BatchCursor::BatchCursor(uint64_t keys, uint64_t entry_bytes_max)
    : keys_(keys),
      keys_per_batch_(std::clamp<uint64_t>(
          kBatchBytesMax / (entry_bytes_max + kFramingBytesMax), 1,
          kBatchKeysMax)) {}

KeyRange BatchCursor::Next() {
  const uint64_t first =
      next_.fetch_add(keys_per_batch_, std::memory_order_relaxed);
  if (first >= keys_) return {};
  return {first, std::min(keys_per_batch_, keys_ - first)};
}

}  // namespace latchkey::load
