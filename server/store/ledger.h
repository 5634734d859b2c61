// Ledger is one shard's part of the idempotency ledger: the records of the
// keyed writes whose idempotency key hashes to this shard.
//
// A record is written in the critical section of the write it tells of, so it
// is there exactly if the write was decided.  It is kept for the window,
// counted from that moment, and never dropped before: where there is no room
// for a new record, the new write is refused.
//
// Invariants:
//   1. At most one record is kept for one scoped key.
//   2. The queue holds the records in the order of their times, so those that
//   have
//      outlived the window are at its front.
//   3. Every record's bytes are reserved in the LedgerBudget.
//
// Thread safety: the shard's mutex guards it.  LedgerBudget is shared by all
// shards and synchronises itself.

#ifndef LATCHKEY_SERVER_STORE_LEDGER_H_
#define LATCHKEY_SERVER_STORE_LEDGER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string_view>

#include "absl/container/flat_hash_set.h"
#include "server/base/clock.h"
#include "server/base/mutant.h"
#include "server/store/hashed_key.h"
#include "server/store/key_hasher.h"
#include "server/store/ledger_record.h"

namespace latchkey {

// How long records are kept, how many bytes they may take, and how many there
// are.  The counters agree with nothing else, so relaxed is enough for them;
// the bytes are one word with one operation.
//
// Thread safety: all methods may be called from any thread.
class LedgerBudget {
 public:
  LedgerBudget(Nanos window, size_t bytes_max)
      : window_(window), bytes_max_(bytes_max) {}

  Nanos window() const { return window_; }

  // Whether `bytes` more were free and now are reserved for one record.
  bool Reserve(size_t bytes);
  void Release(size_t bytes);

  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  size_t records() const { return records_.load(std::memory_order_relaxed); }

 private:
  const Nanos window_;
  const size_t bytes_max_;
  std::atomic<size_t> bytes_ = 0;
  std::atomic<size_t> records_ = 0;
};

class Ledger {
 public:
  // Both must outlive the ledger.
  Ledger(const KeyHasher& hasher, LedgerBudget& budget);
  ~Ledger();

  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // The record of `scoped_key` that is within the window at `now`, or nullptr.
  const LedgerRecord* Find(const HashedKey& scoped_key, UnixNanos now) const;

  // Makes room for `record`, forgetting a few records that have outlived the
  // window.  False: there is no room.
  bool Reserve(const LedgerRecord& record, UnixNanos now);

  // Keeps `record`, for which Reserve() made room.
  //
  // REQUIRES: Find() finds no record of its key at record->complete_time().
  void Insert(const HashedKey& scoped_key, LedgerRecord::Ptr record);

  // Forgets records that have outlived the window at `now`, at most
  // `records_max`; returns how many.
  size_t ForgetExpired(UnixNanos now, size_t records_max);

 private:
  // Both functors take a record, or a HashedKey to look for.
  struct RecordHash {
    using is_transparent = void;
    size_t operator()(const HashedKey& key) const { return key.hash; }
    size_t operator()(const LedgerRecord* record) const {
      return hasher->Hash(record->scoped_key());
    }
    const KeyHasher* hasher;
  };
  struct RecordEqual {
    using is_transparent = void;
    bool operator()(const LedgerRecord* a, const HashedKey& b) const {
      return a->scoped_key() == b.key;
    }
    bool operator()(const LedgerRecord* a, const LedgerRecord* b) const {
      return a->scoped_key() == b->scoped_key();
    }
  };

  // Whether `record` has outlived the window.
  bool Outlived(const LedgerRecord& record, UnixNanos now) const {
    const Nanos window = MutantActive(Mutant::kRecordDroppedEarly)
                             ? budget_.window() / 8
                             : budget_.window();
    return SaturatingAdd(record.complete_time(), window) <= now;
  }

  LedgerBudget& budget_;
  // A record that was outlived and made anew is only in the queue.
  absl::flat_hash_set<LedgerRecord*, RecordHash, RecordEqual> table_;
  // Owns the records.
  std::deque<LedgerRecord::Ptr> oldest_first_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_LEDGER_H_
