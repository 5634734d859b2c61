// Evictor makes room in the memory of a store that is full, by evicting.
//
// It evicts from the shard that needs the room, or from another where that
// holds more, then from all others, and holds one shard at a time.  What it
// evicts is freed without a lock.
//
// Why from another: room that was made in one shard is used by all, so that the
// sizes of shards would walk at random.  A small one then evicts what is used,
// and a large one has grown its table for what it does not hold for long.  Of
// two shards, the fuller one: that keeps all within a few evictions of each
// other.
//
// An entry that a snapshot scan still has to read is not evicted, since its
// image would take the same memory.  Where nothing else is left, the scans are
// given up (SCAN_EXPIRED): a write goes before.
//
// Thread safety: the methods may be called from any thread.

#ifndef LATCHKEY_SERVER_STORE_EVICTOR_H_
#define LATCHKEY_SERVER_STORE_EVICTOR_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "server/base/clock.h"
#include "server/store/eviction_queues.h"
#include "server/store/memory_budget.h"
#include "server/store/shard_table.h"
#include "server/store/snapshot_cuts.h"

namespace latchkey {

class Evictor {
 public:
  // How many entries are removed under one lock.
  static constexpr size_t kEntriesPerLockMax = 64;

  // What part of a shard's bytes is, so that it stays about as large as others
  // where much is needed at once.
  static constexpr size_t kPartsPerLock = 16;

  // All must outlive the evictor.
  Evictor(const Clock& clock, MemoryBudget& memory, SnapshotCuts& cuts,
          ShardTable& shards)
      : clock_(clock), memory_(memory), cuts_(cuts), shards_(shards) {}

  Evictor(const Evictor&) = delete;
  Evictor& operator=(const Evictor&) = delete;

  // Makes `room` one of `bytes`, evicting no entry of which `keep` is true: of
  // the shard `own`, or of another that holds more.  False: there is no room.
  //
  // REQUIRES: the calling thread holds no shard.
  bool MakeRoom(size_t bytes, ShardIndex own, EvictionQueues::Keep keep,
                MemoryRoom& room) {
    return room.TryGrow(bytes) || EvictFor(bytes, own, keep, room);
  }

  // How often there was no room.
  uint64_t refusals() const {
    return refusals_.load(std::memory_order_relaxed);
  }

 private:
  bool EvictFor(size_t bytes, ShardIndex own, EvictionQueues::Keep keep,
                MemoryRoom& room);
  bool EvictRound(size_t bytes, ShardIndex own, EvictionQueues::Keep keep,
                  MemoryRoom& room);

  // `own`, or the one whose turn it is where that holds more.
  ShardIndex FullerOf(ShardIndex own);

  const Clock& clock_;
  MemoryBudget& memory_;
  SnapshotCuts& cuts_;
  ShardTable& shards_;
  // Any value is right.
  std::atomic<uint32_t> turn_ = 0;
  // Agrees with nothing else.
  std::atomic<uint64_t> refusals_ = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_EVICTOR_H_
