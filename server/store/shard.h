// Shard is one 256th of the data: a mutex over its entries, an index of their
// keys, one of what expires, and what scans need of it.
//
// Invariants:
//   1. The order holds at most one entry for a key.
//   2. Key index, queues and expiry index hold exactly the order's entries.
//   3. All four grow in Grow() only, and the memory budget holds what they
//      take.
//   4. The order's entries are those that their owners' accounts count: who
//      puts one has taken its bytes, and whatever removes one gives them back.
//
// Thread safety: the mutex guards everything.  It is locked by ShardLock, one
// shard at a time, or by MultiShardLock; nothing else can name it.

#ifndef LATCHKEY_SERVER_STORE_SHARD_H_
#define LATCHKEY_SERVER_STORE_SHARD_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "server/access/account_table.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"
#include "server/store/ageing_duel.h"
#include "server/store/entry.h"
#include "server/store/entry_order.h"
#include "server/store/eviction_queues.h"
#include "server/store/expiry_index.h"
#include "server/store/hashed_key.h"
#include "server/store/key_hasher.h"
#include "server/store/key_index.h"
#include "server/store/lease_table.h"
#include "server/store/ledger.h"
#include "server/store/memory_budget.h"
#include "server/store/shard_counters.h"
#include "server/store/shard_snapshots.h"
#include "server/store/snapshot_cuts.h"

namespace latchkey {

// What all shards share.
struct ShardContext {
  const KeyHasher& hasher;
  MemoryBudget& memory;
  LedgerBudget& ledger;
  SnapshotCuts& cuts;
  LeaseContext& leases;
  AgeingDuel& ageing;
  // Of those whose bytes entries count among; null where none have limits.
  const AccountTable* accounts = nullptr;
  EvictionPolicy eviction = EvictionPolicy::kTinyLfu;
  // About when the server started.
  UnixNanos start = 0;
};

// Aligned so that two shards never share a cache line.
class alignas(64) Shard {
 public:
  // All references must outlive the shard.
  Shard(ShardIndex index, const ShardContext& context);
  ~Shard();

  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  // The entry of `key` that is alive at `now`, or nullptr.
  Entry* Find(const HashedKey& key, UnixNanos now) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Has the processor fetch what Find() looks at first.
  void Prefetch(const HashedKey& key) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    index_.Prefetch(key.hash);
  }

  // What Grow() would take now, so that `more` entries can be put after it;
  // mostly 0.
  size_t GrowthBytes(size_t more) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return order_.size() + more <= entries_max_ ? 0 : GrowthBytesOf(more);
  }

  // Grows, so that GrowthBytes(more) becomes 0.
  //
  // REQUIRES: `room` has GrowthBytes(more).
  void Grow(size_t more, MemoryRoom& room)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Publishes `entry` under its key and returns what it replaced, or null.
  //
  // REQUIRES: key.key == entry->key(), and the entry has its version and is in
  // no table; the shard has grown for it, and its owner's account has its
  // bytes.
  EntryRef Put(const HashedKey& key, EntryRef entry)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Removes the entry of `key`, expired or not, and returns it, or null.
  // `version` is that of the commit that does.
  EntryRef Remove(const HashedKey& key, uint64_t version)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Changes the expiry of a published entry, by the commit of `version`.
  void SetExpireTime(Entry& entry, UnixNanos expire_time, uint64_t version)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // How many expired entries are removed under one lock, which is held for some
  // microseconds by that.
  static constexpr size_t kExpiredMax = 8;

  // Removes entries that are expired at `now`, at most `entries_max` and
  // kExpiredMax; appends them to `removed`, so that the caller frees them
  // without the lock.  It may leave some to a later call (ExpiryIndex::Find).
  void RemoveExpired(UnixNanos now, size_t entries_max,
                     std::vector<EntryRef>& removed)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Removes entries for want of memory, until they take `bytes` together, at
  // most `entries_max`: those that are expired at `now`, then those that the
  // policy names.  None of which `keep` is true, and none of which a snapshot
  // would keep an image, so that nothing would be won.  Appends them to
  // `removed`.
  void Evict(size_t bytes, size_t entries_max, UnixNanos now,
             EvictionQueues::Keep keep, std::vector<EntryRef>& removed)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // What its entries take in memory.
  size_t entry_bytes() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return queues_.bytes();
  }

  // The records of the idempotency keys that hash to this shard.
  Ledger& ledger() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return ledger_; }

  // Who may fill which key.
  LeaseTable& leases() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return leases_; }

  // Has the processor fetch what a keyed write touches of the shard itself.
  // Reads nothing, and so needs no lock.
  void PrefetchLedger() const ABSL_NO_THREAD_SAFETY_ANALYSIS {
    const char* ledger = reinterpret_cast<const char*>(&ledger_);
    static_assert(sizeof(Ledger) == 128, "two cache lines");
    __builtin_prefetch(&mutex_, 1);
    __builtin_prefetch(ledger, 1);
    __builtin_prefetch(ledger + 64, 1);
  }

  // All entries, for a scan that wants each at least once.
  const EntryOrder& order() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return order_;
  }

  // What snapshot scans have of this shard.
  ShardSnapshots& snapshots() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return snapshots_;
  }

  size_t size() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return order_.size();
  }

  // Counts a key that a read looked for, and found as `entry` or not.
  void CountRead(Entry* entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (entry == nullptr) {
      ++counters_.misses;
      return;
    }
    ++counters_.hits;
    queues_.Use(*entry);
  }

  // `entry` was used by something that is not counted as a read.
  void Use(Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    queues_.Use(entry);
  }

  ShardCounters counters() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Tells the compiler what it cannot follow through MultiShardLock, and in a
  // debug build verifies it.
  void AssertHeld() const ABSL_ASSERT_EXCLUSIVE_LOCK(mutex_) {
    mutex_.AssertHeld();
  }

 private:
  friend class MultiShardLock;
  friend class ShardLock;

  // Locks the mutex, and counts where that has to wait: only then is a clock
  // read.
  void LockCounted() ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex_) {
    if (!mutex_.TryLock()) [[unlikely]]
      LockContended();
  }
  void LockContended() ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex_) {
    const Nanos start = MonotonicNow();
    mutex_.LockSpinning();
    ++counters_.lock_waits;
    counters_.lock_wait_sum += MonotonicNow() - start;
  }

  // The entry of `key`, expired or not, or nullptr.
  Entry* Lookup(const HashedKey& key) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Takes the entry, which leaves the order, off its owner's account.
  void GiveBack(const Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (const uint32_t owner = entry.owner(); owner != kNoAccount)
        [[unlikely]] {
      accounts_->Find(owner).bytes().Give(static_cast<int64_t>(entry.bytes()));
    }
  }

  // Removes an entry whose key has `hash`.
  EntryRef RemoveEntry(Entry& entry, uint64_t hash, uint64_t version)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  size_t GrowthBytesOf(size_t more) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void GrowHistory() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // What the structure takes for `entries` entries, without what is
  // remembered of those that left.
  size_t StructureBytes(size_t entries) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What of it is there twice while it grows from that.
  size_t MovedBytes(size_t entries) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Constant after construction.
  const KeyHasher& hasher_;
  const AccountTable* const accounts_;

  // Synchronise themselves.
  MemoryBudget& memory_;
  mutable Mutex mutex_;

  // Guarded by mutex_.
  KeyIndex index_ ABSL_GUARDED_BY(mutex_);
  // How many entries there is memory for.
  size_t entries_max_ ABSL_GUARDED_BY(mutex_) = 0;
  EntryOrder order_ ABSL_GUARDED_BY(mutex_);
  EvictionQueues queues_ ABSL_GUARDED_BY(mutex_);
  ShardSnapshots snapshots_ ABSL_GUARDED_BY(mutex_);
  ExpiryIndex expiry_ ABSL_GUARDED_BY(mutex_);
  Ledger ledger_ ABSL_GUARDED_BY(mutex_);
  LeaseTable leases_ ABSL_GUARDED_BY(mutex_);
  // Without the entries and leases, which their tables count.
  ShardCounters counters_ ABSL_GUARDED_BY(mutex_);
};

// Holds one shard's mutex for the length of a scope.
//
// REQUIRES: the calling thread holds no shard mutex; who needs two takes a
// MultiShardLock.
class [[nodiscard]] ABSL_SCOPED_LOCKABLE ShardLock {
 public:
  explicit ShardLock(Shard& shard) ABSL_EXCLUSIVE_LOCK_FUNCTION(shard.mutex_)
      : shard_(shard) {
    shard_.LockCounted();
  }
  ~ShardLock() ABSL_UNLOCK_FUNCTION() { shard_.mutex_.Unlock(); }

  ShardLock(const ShardLock&) = delete;
  ShardLock& operator=(const ShardLock&) = delete;

 private:
  Shard& shard_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_SHARD_H_
