// What one shard has counted since the start, and how many entries it holds; or
// the sum over several shards.
//
// Thread safety: a value.

#ifndef LATCHKEY_SERVER_STORE_SHARD_COUNTERS_H_
#define LATCHKEY_SERVER_STORE_SHARD_COUNTERS_H_

#include <cstdint>

#include "server/base/clock.h"
#include "server/store/lease_table.h"

namespace latchkey {

struct ShardCounters {
  // Entries now; the second are those with an expiry.
  uint64_t entries = 0;
  uint64_t entries_expiring = 0;

  // What they take, and what the shard takes beside them: its table with the
  // order for scans, the queues with the ghosts, and the index of expiries.
  uint64_t entry_bytes = 0;
  uint64_t table_bytes = 0;
  uint64_t queue_bytes = 0;
  uint64_t expiry_bytes = 0;
  uint64_t structure_bytes() const {
    return table_bytes + queue_bytes + expiry_bytes;
  }

  // Keys that Get and BatchGet found, and did not find.
  uint64_t hits = 0;
  uint64_t misses = 0;

  // Entries that were removed because they had expired.
  uint64_t expired = 0;

  // Entries that were removed for want of memory.
  uint64_t evicted = 0;

  LeaseCounters leases;

  // Times that a thread found the mutex held, and how long all of them waited.
  uint64_t lock_waits = 0;
  Nanos lock_wait_sum = 0;

  void Add(const ShardCounters& other) {
    entries += other.entries;
    entries_expiring += other.entries_expiring;
    entry_bytes += other.entry_bytes;
    table_bytes += other.table_bytes;
    queue_bytes += other.queue_bytes;
    expiry_bytes += other.expiry_bytes;
    hits += other.hits;
    misses += other.misses;
    expired += other.expired;
    evicted += other.evicted;
    leases.Add(other.leases);
    lock_waits += other.lock_waits;
    lock_wait_sum += other.lock_wait_sum;
  }
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_SHARD_COUNTERS_H_
