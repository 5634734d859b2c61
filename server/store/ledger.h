// Ledger is one shard's part of the idempotency ledger: the records of the
// keyed writes whose idempotency key hashes to this shard.
//
// A record is written in the critical section of the write it tells of, so it
// is there exactly if the write was decided.  It is kept for the window,
// counted from that moment, and never dropped before: where there is no room
// for a new record, the new write is refused.
//
// Invariants:
//   1. The queue holds the records in the order of their times, so those that
//      have outlived the window are at its front.
//   2. Of one key, at most the newest record is within the window.
//   3. Every record's bytes are reserved in the LedgerBudget.
//   4. Every record is taken of its owner's account: before it is inserted, and
//      until it is forgotten, both under the shard's mutex.
//
// Records are found by buckets.  They have numbers, one after the other, which
// say where they are in the queue; a bucket has the number of its newest
// record, and each record that of the one before it in its bucket.  A number
// below the queue's front ends the search: a record that is forgotten needs not
// be found first, and what still leads to it leads nowhere.
//
// Thread safety: the shard's mutex guards it.  LedgerBudget is shared by all
// shards and synchronises itself.

#ifndef LATCHKEY_SERVER_STORE_LEDGER_H_
#define LATCHKEY_SERVER_STORE_LEDGER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "server/access/account_table.h"
#include "server/base/clock.h"
#include "server/base/mutant.h"
#include "server/store/ledger_record.h"
#include "server/store/memory_budget.h"

namespace latchkey {

// How long records are kept, how many bytes they may take of the store's
// memory, and how many there are.  The counters agree with nothing else, so
// relaxed is enough for them; the bytes are one word with one operation.
//
// Thread safety: all methods may be called from any thread.
class LedgerBudget {
 public:
  // `memory` must outlive the budget, and so must `accounts`, those of the
  // records' owners; null where none have limits.
  LedgerBudget(Nanos window, size_t bytes_max, MemoryBudget& memory,
               const AccountTable* accounts = nullptr)
      : window_(window),
        bytes_max_(bytes_max),
        memory_(memory),
        accounts_(accounts) {}

  Nanos window() const { return window_; }
  size_t bytes_max() const { return bytes_max_; }

  // What some records take.
  struct Share {
    size_t records = 0;
    size_t bytes = 0;
  };

  // Releases `out` and reserves `bytes` for one record, for which `room` pays
  // in memory.  False where they are not free; `out` is released all the same.
  // As long as the one is like the other, nothing that threads share is
  // written.
  bool Exchange(const Share& out, size_t bytes, MemoryRoom& room);
  void Release(const Share& out);

  // Takes a record that is forgotten off its owner's account.
  void GiveBack(const LedgerRecord& record) {
    if (record.owner() != kNoAccount) {
      accounts_->Find(record.owner()).ledger_records().Give(1);
    }
  }

  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  size_t records() const { return records_.load(std::memory_order_relaxed); }

 private:
  const Nanos window_;
  const size_t bytes_max_;
  MemoryBudget& memory_;
  const AccountTable* const accounts_;
  std::atomic<size_t> bytes_ = 0;
  std::atomic<size_t> records_ = 0;
};

// Aligned so that a write fetches two cache lines of it and not three.
class alignas(64) Ledger {
 public:
  // `budget` must outlive the ledger.
  explicit Ledger(LedgerBudget& budget) : budget_(budget) {}
  ~Ledger();

  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // The record of `key` that is within the window at `now`, or nullptr.
  const LedgerRecord* Find(const LedgerKey& key, UnixNanos now) const;

  // Has the processor fetch what Find(), Reserve() and Insert() look at first.
  void Prefetch(const LedgerKey& key) const;

  // Makes room for a record of `bytes`, forgetting a few records that have
  // outlived the window.  False: there is none in the ledger, or `room` has not
  // what it takes and the memory is full.
  bool Reserve(size_t bytes, UnixNanos now, MemoryRoom& room);

  // Keeps the record that LedgerRecord's constructor makes of the arguments,
  // for which Reserve() made room, and which the owner's account has taken.
  //
  // REQUIRES: Find() finds no record of the key at `time`, which is not before
  // that of any other record.
  template <typename... Outcome>
  void Insert(const LedgerKey& key, UnixNanos time, uint32_t owner,
              const Outcome&... outcome) {
    if (!MakeReadyToInsert(key, time)) return;
    const auto number = front_ + static_cast<uint32_t>(records_.size());
    Link(records_.emplace_back(key, time, owner, outcome...), number);
  }

  // Forgets records that have outlived the window at `now`, at most
  // `records_max`; returns how many.
  size_t ForgetExpired(UnixNanos now, size_t records_max);

 private:
  // When `record` will have outlived the window.
  UnixNanos OutlivedAt(const LedgerRecord& record) const {
    const Nanos window = MutantActive(Mutant::kRecordDroppedEarly)
                             ? budget_.window() / 8
                             : budget_.window();
    return SaturatingAdd(record.complete_time(), window);
  }
  bool Outlived(const LedgerRecord& record, UnixNanos now) const {
    return OutlivedAt(record) <= now;
  }

  // Whether `number` is of a record in the queue.
  bool Holds(uint32_t number) const {
    return number - front_ < records_.size();
  }

  size_t BucketOf(const LedgerKey& key) const {
    return key.hash.low & (newest_.size() - 1);
  }

  bool MakeReadyToInsert(const LedgerKey& key, UnixNanos time);

  // Puts the record, which has this number, into its bucket.
  void Link(LedgerRecord& record, uint32_t number);
  void Grow();

  // As ForgetExpired(), without a word to the budget.
  LedgerBudget::Share Forget(UnixNanos now, size_t records_max);

  LedgerBudget& budget_;
  // The number of the queue's front.  Numbers wrap round.
  uint32_t front_ = 0;
  std::deque<LedgerRecord> records_;
  // A power of two, or none.  Of an empty bucket, any number: a record that it
  // leads to is of another key.
  std::vector<uint32_t> newest_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_LEDGER_H_
