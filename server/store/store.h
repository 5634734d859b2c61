// Store is the whole of the data: 256 shards under one lock order, with a
// single way to write.
//
// Invariants:
//   1. A key lives in the shard of its keyed hash and nowhere else.
//   2. Every commit has one version, the next number after the last, taken
//      while all its locks are held.  Every entry it writes carries it.
//   3. A transaction publishes all of its changes or none, and no reader sees
//      some of them.
//   4. An entry is not seen at or after its expiry, swept or not.
//   5. What all of it takes in memory is within a bound (memory_budget.h).
//      Where that is reached, entries leave (eviction_queues.h), never those
//      that the operation works on, and never a record of the ledger.
//   6. A keyed write takes effect at most once within the ledger's window, and
//      every copy of it gets the outcome of the first (ledger.h).
//
// The store starts no thread, does no I/O and runs no callback, but to wake who
// waits for a lease (lease_table.h), with no lock held.  An operation
// reads the given clock twice: before its first lock, only to end there if its
// time is up (Get() does not), and after the last lock, for everything that
// follows.
//
// Thread safety: all methods may be called from any thread.  LOCKING.md states
// the lock order.
//
// Example:
//   Store store({}, clock, random);
//   const Operation put = PutOperation{.key = "k", .value = "v"};
//   absl::StatusOr<TransactionResult> result =
//       store.Write({.on_success = {&put, 1}}, token);

#ifndef LATCHKEY_SERVER_STORE_STORE_H_
#define LATCHKEY_SERVER_STORE_STORE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/access/account_table.h"
#include "server/base/clock.h"
#include "server/base/random.h"
#include "server/runtime/deadline.h"
#include "server/store/eviction_queues.h"
#include "server/store/evictor.h"
#include "server/store/idempotency.h"
#include "server/store/key_hasher.h"
#include "server/store/lease_table.h"
#include "server/store/ledger.h"
#include "server/store/memory_budget.h"
#include "server/store/operations.h"
#include "server/store/scanner.h"
#include "server/store/shard_counters.h"
#include "server/store/shard_table.h"
#include "server/store/snapshot_cuts.h"

namespace latchkey {

class BatchRead;
class MultiShardLock;
class TransactionRunner;
class WorkingSet;

struct StoreOptions {
  // The most that one answer may carry, in bytes: keys, values and what an
  // entry needs beside them in a message (ResultBudget).  An operation whose
  // answer would be larger changes nothing and is RESOURCE_EXHAUSTED,
  // RESPONSE_TOO_LARGE.  Default: what fits into the 4 MiB that gRPC clients
  // receive by default.
  size_t result_bytes_max = 4 * 1024 * 1024 - 64 * 1024;

  // How long the outcome of a keyed write is kept.  Retries live in seconds; 10
  // minutes at 100,000 keyed writes a second would take gigabytes.
  Nanos idempotency_window = 120 * kNanosPerSecond;

  // What those outcomes may take in memory.
  size_t idempotency_bytes_max = 256 * 1024 * 1024;

  // What everything may take in memory (memory_budget.h), the two below
  // included, and which entries leave where it is full.
  size_t memory_bytes_max = MemoryBudget::kNoLimit;
  EvictionPolicy eviction = EvictionPolicy::kTinyLfu;

  // What one snapshot scan may hold of entries that were changed before it came
  // to them, in bytes.  Over that it is SCAN_EXPIRED.
  size_t snapshot_bytes_max = 64 * 1024 * 1024;

  // The accounts of who writes; it must outlive the store.  Null where nobody
  // has one.
  const AccountTable* accounts = nullptr;
};

// What became of keyed writes since the start.  The counters agree with nothing
// else.
struct LedgerCounters {
  std::atomic<uint64_t> replays = 0;
  std::atomic<uint64_t> mismatches = 0;
  std::atomic<uint64_t> refusals = 0;
};

// What GetOrLease() answers.
struct LeasedGet {
  GetResult result;
  LeaseId granted = kNoLease;
  bool held_by_other = false;
  bool waits = false;
};

class Store {
 public:
  // `clock` must outlive the store; `random` is used in the constructor only.
  Store(const StoreOptions& options, const Clock& clock, RandomSource& random);
  ~Store();

  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Reads one entry.  A miss is a result without an entry.  `operation.touch`
  // must be unset: with it the read is a write, so use Write().
  //
  // Errors: the token's end.
  absl::StatusOr<GetResult> Get(const GetOperation& operation,
                                DeadlineToken token) const;

  // Reads one entry; where it is missing, or has less than
  // `demand.refresh_below` left to live, asks for the lease of its key.  With
  // `demand.wait` and where another has it, `waiter` waits for it; without one
  // the answer says `held_by_other`, and nothing was counted: ask again with
  // one.
  //
  // An answer that `waits`: the waiter may have been told, and be gone, before
  // this returns.  Its owner ends the wait with CancelWait() when its token
  // ends, by a subscription made before this call.
  //
  // Errors: the token's end; OUT_OF_MEMORY; OVERLOADED where too many hold
  // leases or wait; DRAINING after CloseLeases().
  absl::StatusOr<LeasedGet> GetOrLease(const GetOperation& operation,
                                       const LeaseDemand& demand,
                                       LeaseWaiter* waiter,
                                       DeadlineToken token);

  // Ends a wait.  False: the waiter does not wait, or is being told.
  bool CancelWait(LeaseWaiter& waiter);

  // Where a waiter for `key` waits, for its constructor.
  ShardIndex ShardOf(std::string_view key) const {
    return HashedKey{key, hasher_.Hash(key)}.shard();
  }

  // A lease as a client knows it, opaque, and back.  What is no such text, or
  // of another life of the server, is kVoidLease.
  std::string LeaseToken(LeaseId id) const;
  LeaseId ParseLeaseToken(std::string_view token) const;

  // Ends leases whose time is over, at most `leases_max`, and wakes who is to
  // have them next; returns how many.  As SweepExpired().
  size_t SweepLeases(size_t leases_max);

  // Ends all leases and waits, for a drain; from then on nobody waits.
  void CloseLeases();

  // Reads keys, each at some moment during the call.  The token is checked
  // every 64 keys.
  //
  // Errors: the token's end; RESPONSE_TOO_LARGE.
  absl::StatusOr<BatchGetResult> BatchGet(
      std::span<const std::string_view> keys, DeadlineToken token) const;

  // Divides such a read into at most `parts_max` parts, for as many threads.
  // `keys` must outlive it.
  //
  // Errors: the token's end.
  absl::StatusOr<BatchRead> PlanBatchGet(std::span<const std::string_view> keys,
                                         size_t parts_max,
                                         DeadlineToken token) const;

  // Reads keys at one moment.
  //
  // REQUIRES: keys.size() <= kOperationsMax.
  // Errors: the token's end; RESPONSE_TOO_LARGE.
  absl::StatusOr<BatchGetResult> BatchGetAtomic(
      std::span<const std::string_view> keys, DeadlineToken token) const;

  // Runs a transaction.  An error means that nothing was changed; those of the
  // commit's side carry metadata as API errors do (current_version, index).
  //
  // REQUIRES: at most kOperationsMax compares and operations together; keys are
  // valid.
  // Errors: the token's end; OUT_OF_MEMORY; PRINCIPAL_LIMIT; and every row of
  // the error table that depends on the state of the data.
  absl::StatusOr<TransactionResult> Write(const Transaction& transaction,
                                          DeadlineToken token);

  // As Write(), once: where a copy of `keyed` was decided within the window,
  // its outcome is the answer, whatever else would have been said, and nothing
  // is done.  Otherwise the outcome is kept, good or bad.
  //
  // Errors, beside those of Write(): IDEMPOTENCY_KEY_REUSED,
  // IDEMPOTENCY_KEY_FENCED, IDEMPOTENCY_KEY_EXPIRED, INCARNATION_CHANGED,
  // IDEMPOTENCY_LEDGER_FULL.  None of these, no OUT_OF_MEMORY, no
  // PRINCIPAL_LIMIT and no end of the token is kept.
  IdempotentAnswer WriteOnce(const Transaction& transaction,
                             const IdempotentWrite& keyed, DeadlineToken token);

  // What became of the keyed write.  Where nothing is recorded and `fence` is
  // set, a tombstone makes sure for the window that no later copy takes effect:
  // it gets IDEMPOTENCY_KEY_FENCED.  That no earlier one did is certain with
  // the stamp of the write only: without it, a record may have been forgotten.
  //
  // Errors: the token's end; with a stamp and no record of the write,
  // IDEMPOTENCY_KEY_EXPIRED and INCARNATION_CHANGED, and nothing is fenced;
  // OUT_OF_MEMORY, PRINCIPAL_LIMIT and IDEMPOTENCY_LEDGER_FULL with `fence`.
  absl::StatusOr<RecordedOutcome> GetOutcome(const OutcomeQuestion& question,
                                             DeadlineToken token);

  // The fingerprint of a keyed write whose method and fields are `request`, in
  // any form that is the same for all copies.
  Fingerprint FingerprintOf(std::string_view request) const {
    return hasher_.Hash128(request);
  }

  // Reads all entries of a prefix.
  Scanner& scanner() { return scanner_; }

  // What a client is to hold before the first attempt of a keyed write.
  LedgerStamp CurrentStamp() const;

  // Forgets records that have outlived the window, at most `records_max`, going
  // on where the last call stopped; returns how many.  Holds one shard's lock
  // at a time, for at most 64 records.
  size_t SweepLedger(size_t records_max);

  const MemoryBudget& memory() const { return memory_; }
  MemoryBudget& memory() { return memory_; }

  // Evicts where more is used than memory().usable(), at most `entries_max`
  // entries, going on where the last call stopped; returns how many.  All
  // shards give their part, so that what came together leaves together and the
  // allocator gets whole pages.  Holds one shard's lock at a time, for at most
  // 64 entries.
  size_t ShrinkToUsable(size_t entries_max);

  // Writes that were refused because memory was full and nothing could leave.
  uint64_t memory_refusals() const { return evictor_.refusals(); }

  const LedgerBudget& ledger_budget() const { return ledger_budget_; }
  const LedgerCounters& ledger_counters() const { return ledger_counters_; }

  // Removes entries that have expired, at most `entries_max` of them, going on
  // where the last call stopped.  Returns how many it removed; less than
  // `entries_max` means that no more were to be found.  Holds one shard's lock
  // at a time, for at most 64 entries.
  size_t SweepExpired(size_t entries_max);

  // How many entries are held, expired ones that were not swept included.
  size_t EntryCount() const;

  // What all shards have counted, each at some moment during the call.
  ShardCounters Counters() const;

  // The version of the last commit.
  uint64_t last_version() const;

  // Compares, operations and keys of an atomic read: the most at a time.
  static constexpr size_t kOperationsMax = 128;

 private:
  // Calls `sweep(shard, limit)` with shards from `next` on, until a round found
  // less than the limit everywhere or `items_max` were found; returns their
  // sum.
  template <typename Sweep>
  size_t SweepShards(std::atomic<uint32_t>& next, size_t items_max, Sweep sweep,
                     size_t items_per_lock = 64);

  // Makes room for `bytes` without the keys of `copies`.
  bool MakeRoom(size_t bytes, const WorkingSet& copies, MemoryRoom& room);

  // Whether `room` has what the transaction takes from here on, with `more`
  // bytes beside; the shards have grown by what it needs then.  Otherwise
  // `*missing` is what the room has to be.
  //
  // REQUIRES: `lock` holds all shards of `copies`, which were loaded.
  bool TakeRoom(const MultiShardLock& lock, const TransactionRunner& runner,
                size_t more, WorkingSet& copies, MemoryRoom& room,
                size_t* missing);

  struct KeyedAttempt;

  // Writes once.  False: `attempt` needs more room; nothing has happened.
  bool TryWriteOnce(KeyedAttempt& attempt, DeadlineToken token,
                    IdempotentAnswer* answer);

  // Takes the next version and publishes `copies` under it, where any of them
  // was changed; `result` gets the version.
  //
  // REQUIRES: `lock` holds all shards of `copies`.
  void Commit(const MultiShardLock& lock, WorkingSet& copies,
              TransactionResult& result);

  // Takes a record of the writer's account, and `bytes` for it of the ledger.
  //
  // Errors: PRINCIPAL_LIMIT, IDEMPOTENCY_LEDGER_FULL; nothing is taken.
  absl::Status TakeRecord(Ledger& ledger, size_t bytes, UnixNanos now,
                          PrincipalAccount* account, MemoryRoom& room);

  // Whether the ledger, or a stamp that is too old for it, answers a keyed
  // write; `*answer` is the answer then.
  bool AnswerFromLedger(const LedgerRecord* record,
                        const IdempotentWrite& keyed, UnixNanos now,
                        IdempotentAnswer* answer);

  // Whether a write with this stamp cannot have been recorded and forgotten by
  // `now`.
  //
  // Errors: IDEMPOTENCY_KEY_EXPIRED, INCARNATION_CHANGED.
  absl::Status CheckStamp(const std::optional<LedgerStamp>& stamp,
                          UnixNanos now) const;

  const StoreOptions options_;
  const Clock& clock_;
  const KeyHasher hasher_;
  // Drawn at boot.
  const uint64_t incarnation_;

  // Synchronise themselves.
  MemoryBudget memory_;
  LedgerBudget ledger_budget_;
  LedgerCounters ledger_counters_;
  // The version of the last commit.  A committer adds one while it holds all
  // its locks; whoever takes one of those locks later sees entries with that
  // version by the lock, and the counter at least there.
  CommitSequence version_;
  SnapshotCuts cuts_;
  LeaseContext leases_;
  AgeingDuel ageing_;
  std::unique_ptr<ShardTable> shards_;
  Evictor evictor_;
  Scanner scanner_;
  // Where the sweeps go on.  Any value is right; a race costs one visit.
  std::atomic<uint32_t> entry_sweep_next_ = 0;
  std::atomic<uint32_t> ledger_sweep_next_ = 0;
  std::atomic<uint32_t> shrink_next_ = 0;
  std::atomic<uint32_t> lease_sweep_next_ = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_STORE_H_
