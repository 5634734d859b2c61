#include "server/store/shard_table.h"

#include <utility>

namespace latchkey {
namespace {

// Shards cannot be moved, so all of them are made in their place.
template <size_t... kIndex>
std::array<Shard, kShardCount> MakeShards(const KeyHasher& hasher,
                                          LedgerBudget& budget,
                                          SnapshotCuts& cuts,
                                          std::index_sequence<kIndex...>) {
  return {Shard(static_cast<ShardIndex>(kIndex), hasher, budget, cuts)...};
}

}  // namespace

ShardTable::ShardTable(const KeyHasher& hasher, LedgerBudget& budget,
                       SnapshotCuts& cuts)
    : shards_(MakeShards(hasher, budget, cuts,
                         std::make_index_sequence<kShardCount>())) {}

}  // namespace latchkey
