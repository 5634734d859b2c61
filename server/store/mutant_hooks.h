// What the mutants of the store (server/base/mutant.h) do where it takes more
// than a condition.  Called only behind MutantActive(), so that a build without
// mutants has nothing of it.
//
// Thread safety: each function says.

#ifndef LATCHKEY_SERVER_STORE_MUTANT_HOOKS_H_
#define LATCHKEY_SERVER_STORE_MUTANT_HOOKS_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string_view>
#include <thread>
#include <utility>
#include <variant>

#include "server/base/clock.h"
#include "server/store/entry.h"
#include "server/store/multi_shard_lock.h"
#include "server/store/operations.h"
#include "server/store/shard_table.h"
#include "server/store/working_set.h"

namespace latchkey {

// kStaleRead: what this thread read of the entry's key before, where that is
// still in its cache, which no write empties.
//
// REQUIRES: the mutex of the entry's shard is held.
inline Entry* ReadFromCache(Entry* entry) {
  thread_local std::array<EntryRef, 16> cache;
  if (entry == nullptr) return nullptr;
  EntryRef& cached =
      cache[std::hash<std::string_view>()(entry->key()) % cache.size()];
  if (!cached || cached->key() != entry->key()) cached = EntryRef(entry);
  return cached.get();
}

// kLostUpdate: loads the copies of an Increment or Transfer under locks that
// are then let go; WorkingSet::Load() leaves them at that.
//
// REQUIRES: the calling thread holds no shard mutex.
inline void LoadEarly(ShardTable& table, const Transaction& transaction,
                      const Clock& clock, WorkingSet& copies) {
  if (transaction.form != Transaction::Form::kSingle) return;
  const Operation& operation = transaction.on_success.front();
  if (!std::holds_alternative<IncrementOperation>(operation) &&
      !std::holds_alternative<TransferOperation>(operation)) {
    return;
  }
  {
    MultiShardLock lock(table, copies.shards());
    copies.Load(lock, clock.Now());
  }
  std::this_thread::yield();
}

// kVersionBeforeLocks: the version that the calling thread took ahead of its
// locks.  One that was not used is for its next commit, so that none is
// missing.
inline thread_local uint64_t version_ahead = kNoVersion;

inline void DrawVersionAhead(std::atomic<uint64_t>& last) {
  if (version_ahead == kNoVersion) version_ahead = last.fetch_add(1) + 1;
  std::this_thread::yield();
}
inline uint64_t TakeVersionAhead(std::atomic<uint64_t>& last) {
  const uint64_t ahead = std::exchange(version_ahead, kNoVersion);
  return ahead != kNoVersion ? ahead : last.fetch_add(1) + 1;
}

// kSnapshotMissesImage: whether the calling thread's change leaves no image.
inline bool EverySecondTime() {
  thread_local bool second = false;
  return std::exchange(second, !second);
}

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_MUTANT_HOOKS_H_
