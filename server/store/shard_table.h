// ShardTable is the 256 shards and the way from a key to its own.
//
// Thread safety: constant after construction; each shard has its own mutex.

#ifndef LATCHKEY_SERVER_STORE_SHARD_TABLE_H_
#define LATCHKEY_SERVER_STORE_SHARD_TABLE_H_

#include <array>
#include <cstddef>

#include "server/store/shard.h"

namespace latchkey {

class ShardTable {
 public:
  // All that `context` refers to must outlive the table.
  explicit ShardTable(const ShardContext& context);

  ShardTable(const ShardTable&) = delete;
  ShardTable& operator=(const ShardTable&) = delete;

  Shard& operator[](ShardIndex index) { return shards_[index]; }

 private:
  std::array<Shard, kShardCount> shards_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_SHARD_TABLE_H_
