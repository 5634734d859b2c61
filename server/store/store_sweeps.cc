// What Store does shard by shard, beside its requests.

#include <algorithm>
#include <string_view>
#include <vector>

#include "server/store/store.h"

namespace latchkey {
template <typename Sweep>
size_t Store::SweepShards(std::atomic<uint32_t>& next, size_t items_max,
                          Sweep sweep, size_t items_per_lock) {
  size_t found = 0;
  for (size_t visited = 0; visited < kShardCount && found < items_max;) {
    Shard& shard = (*shards_)[static_cast<ShardIndex>(
        next.load(std::memory_order_relaxed))];
    const size_t limit = std::min(items_per_lock, items_max - found);
    const size_t found_here = sweep(shard, limit);
    found += found_here;
    // A shard that filled its limit may have more: it is visited again.
    if (found_here < limit) {
      ++visited;
      next.fetch_add(1, std::memory_order_relaxed);
    }
  }
  return found;
}

size_t Store::SweepExpired(size_t entries_max) {
  return SweepShards(
      entry_sweep_next_, entries_max,
      [this](Shard& shard, size_t limit) {
        std::vector<EntryRef> removed;
        ShardLock lock(shard);
        shard.RemoveExpired(clock_.Now(), limit, removed);
        return removed.size();
      },
      Shard::kExpiredMax);
}

size_t Store::SweepLedger(size_t records_max) {
  return SweepShards(ledger_sweep_next_, records_max,
                     [this](Shard& shard, size_t limit) {
                       ShardLock lock(shard);
                       return shard.ledger().ForgetExpired(clock_.Now(), limit);
                     });
}

size_t Store::ShrinkToUsable(size_t entries_max) {
  return SweepShards(
      shrink_next_, entries_max, [this](Shard& shard, size_t limit) -> size_t {
        const size_t used = memory_.used();
        const size_t usable = memory_.usable();
        if (used <= usable) return 0;
        std::vector<EntryRef> removed;
        ShardLock lock(shard);
        shard.Evict((used - usable) / kShardCount + 1, limit, clock_.Now(),
                    [](std::string_view) { return false; }, removed);
        return removed.size();
      });
}

size_t Store::SweepLeases(size_t leases_max) {
  if (leases_.leases.load(std::memory_order_relaxed) == 0) return 0;
  return SweepShards(
      lease_sweep_next_, leases_max, [this](Shard& shard, size_t limit) {
        LeaseWakeups wakeups;
        ShardLock lock(shard);
        return shard.leases().EndExpired(clock_.Now(), limit, wakeups);
      });
}

void Store::CloseLeases() {
  for (size_t i = 0; i < kShardCount; ++i) {
    Shard& shard = (*shards_)[static_cast<ShardIndex>(i)];
    LeaseWakeups wakeups;
    ShardLock lock(shard);
    shard.leases().Close(wakeups);
  }
}

size_t Store::EntryCount() const { return Counters().entries; }

ShardCounters Store::Counters() const {
  ShardCounters sum;
  for (size_t i = 0; i < kShardCount; ++i) {
    Shard& shard = (*shards_)[static_cast<ShardIndex>(i)];
    ShardLock lock(shard);
    sum.Add(shard.counters());
  }
  return sum;
}

}  // namespace latchkey
