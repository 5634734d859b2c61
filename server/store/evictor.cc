#include "server/store/evictor.h"

#include <algorithm>
#include <vector>

namespace latchkey {

bool Evictor::EvictFor(size_t bytes, ShardIndex own, EvictionQueues::Keep keep,
                       MemoryRoom& room) {
  if (bytes <= memory_.bytes_max()) {
    if (EvictRound(bytes, own, keep, room)) return true;
    if (cuts_.registered() != 0) {
      cuts_.GiveUp();
      if (EvictRound(bytes, own, keep, room)) return true;
    }
  }
  refusals_.fetch_add(1, std::memory_order_relaxed);
  return false;
}

bool Evictor::EvictRound(size_t bytes, ShardIndex own,
                         EvictionQueues::Keep keep, MemoryRoom& room) {
  std::vector<EntryRef> removed;
  // At first where there is most, and then everywhere.
  for (size_t visited = 0; visited <= kShardCount;) {
    const ShardIndex index = visited == 0
                                 ? FullerOf(own)
                                 : static_cast<ShardIndex>(own + visited - 1);
    // What is free is counted as well: others take it meanwhile, or give back.
    const size_t wanted = memory_.used() + bytes - room.bytes();
    const size_t missing =
        wanted > memory_.usable() ? wanted - memory_.usable() : 1;
    {
      Shard& shard = shards_[index];
      ShardLock lock(shard);
      shard.Evict(std::min(missing, shard.entry_bytes() / kPartsPerLock + 1),
                  kEntriesPerLockMax, clock_.Now(), keep, removed);
    }
    if (removed.empty()) ++visited;
    removed.clear();
    if (room.TryGrow(bytes)) return true;
  }
  return false;
}

ShardIndex Evictor::FullerOf(ShardIndex own) {
  const auto bytes_of = [this](ShardIndex index) {
    Shard& shard = shards_[index];
    ShardLock lock(shard);
    return shard.entry_bytes();
  };
  const auto other =
      static_cast<ShardIndex>(turn_.fetch_add(1, std::memory_order_relaxed));
  return bytes_of(other) > bytes_of(own) ? other : own;
}

}  // namespace latchkey
