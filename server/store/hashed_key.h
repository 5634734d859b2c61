// HashedKey is a key whose hash is known, so that it is computed once for an
// operation; the hash says which shard the key lives in.

#ifndef LATCHKEY_SERVER_STORE_HASHED_KEY_H_
#define LATCHKEY_SERVER_STORE_HASHED_KEY_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace latchkey {

using ShardIndex = uint8_t;
inline constexpr size_t kShardCount = 256;

struct HashedKey {
  std::string_view key;
  uint64_t hash = 0;

  // The top 8 bits; a shard's table uses the others.
  ShardIndex shard() const { return static_cast<ShardIndex>(hash >> 56); }
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_HASHED_KEY_H_
