#include "server/store/evictor.h"

#include <vector>

namespace latchkey {

bool Evictor::EvictFor(size_t bytes, ShardIndex first,
                       EvictionQueues::Keep keep, MemoryRoom& room) {
  if (bytes <= memory_.bytes_max()) {
    if (EvictRound(bytes, first, keep, room)) return true;
    if (cuts_.registered() != 0) {
      cuts_.GiveUp();
      if (EvictRound(bytes, first, keep, room)) return true;
    }
  }
  refusals_.fetch_add(1, std::memory_order_relaxed);
  return false;
}

bool Evictor::EvictRound(size_t bytes, ShardIndex first,
                         EvictionQueues::Keep keep, MemoryRoom& room) {
  std::vector<EntryRef> removed;
  for (size_t visited = 0; visited < kShardCount;) {
    // What is free is counted as well: others take it meanwhile, or give back.
    const size_t wanted = memory_.used() + bytes - room.bytes();
    const size_t missing =
        wanted > memory_.usable() ? wanted - memory_.usable() : 1;
    {
      Shard& shard = shards_[static_cast<ShardIndex>(first + visited)];
      ShardLock lock(shard);
      shard.Evict(missing, kEntriesPerLockMax, clock_.Now(), keep, removed);
    }
    if (removed.empty()) ++visited;
    removed.clear();
    if (room.TryGrow(bytes)) return true;
  }
  return false;
}

}  // namespace latchkey
