#include "server/store/shard_table.h"

#include <utility>

namespace latchkey {
namespace {

// Shards cannot be moved, so all of them are made in their place.
template <size_t... kIndex>
std::array<Shard, kShardCount> MakeShards(const ShardContext& context,
                                          std::index_sequence<kIndex...>) {
  return {Shard(static_cast<ShardIndex>(kIndex), context)...};
}

}  // namespace

ShardTable::ShardTable(const ShardContext& context)
    : shards_(MakeShards(context, std::make_index_sequence<kShardCount>())) {}

}  // namespace latchkey
