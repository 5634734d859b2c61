// BatchCursor hands out the keys of a run in batches that one request can hold.
//
// Thread safety: Next() may be called from any thread.

#ifndef LATCHKEY_CLIENT_LOAD_BATCH_CURSOR_H_
#define LATCHKEY_CLIENT_LOAD_BATCH_CURSOR_H_

#include <atomic>
#include <cstdint>

namespace latchkey::load {

// The API takes no larger batch.
inline constexpr uint64_t kBatchKeysMax = 128;
// Leaves room below gRPC's limit of 4 MiB for keys and framing.
inline constexpr uint64_t kBatchBytesMax = 3 * 1024 * 1024;

struct KeyRange {
  uint64_t first = 0;
  uint64_t count = 0;
};

class BatchCursor {
 public:
  // `entry_bytes_max` is the most that key and value of one entry can take.
  BatchCursor(uint64_t keys, uint64_t entry_bytes_max);

  // The next keys to write; count is 0 where all are taken.
  KeyRange Next();

 private:
  const uint64_t keys_;
  const uint64_t keys_per_batch_;
  // One word, one addition: relaxed is enough.
  std::atomic<uint64_t> next_ = 0;
};

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_BATCH_CURSOR_H_
