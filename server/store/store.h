// Store is the whole of the data: 256 shards under one lock order, with a
// single way to write.
//
// Invariants:
//   1. A key lives in the shard of its keyed hash and nowhere else.
//   2. Every commit has one version, the next number after the last, taken
//   while
//      all locks of the commit are held.  Every entry it writes carries it.
//   3. A transaction publishes all of its changes or none, and no reader sees
//      some of them.
//   4. An entry is not seen at or after its expiry, swept or not.
//
// The store starts no thread, does no I/O and runs no callback.  An operation
// reads the given clock twice: before its first lock, only to end there if its
// time is up, and after the last lock, for everything that follows.
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
#include <span>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/base/random.h"
#include "server/runtime/deadline.h"
#include "server/store/key_hasher.h"
#include "server/store/operations.h"
#include "server/store/shard_table.h"

namespace latchkey {

struct StoreOptions {
  // The most that one answer may carry, in bytes: keys, values and what an
  // entry needs beside them in a message (ResultBudget).  An operation whose
  // answer would be larger changes nothing and is RESOURCE_EXHAUSTED,
  // RESPONSE_TOO_LARGE.  Default: what fits into the 4 MiB that gRPC clients
  // receive by default.
  size_t result_bytes_max = 4 * 1024 * 1024 - 64 * 1024;
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

  // Reads keys, each at some moment during the call.  The token is checked
  // every 64 keys.
  //
  // Errors: the token's end; RESPONSE_TOO_LARGE.
  absl::StatusOr<BatchGetResult> BatchGet(
      std::span<const std::string_view> keys, DeadlineToken token) const;

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
  // Errors: the token's end, and every row of the error table that depends on
  // the state of the data.
  absl::StatusOr<TransactionResult> Write(const Transaction& transaction,
                                          DeadlineToken token);

  // Removes entries that have expired, at most `entries_max` of them, going on
  // where the last call stopped.  Returns how many it removed; less than
  // `entries_max` means that no more were to be found.  Holds one shard's lock
  // at a time, for at most 64 entries.
  size_t SweepExpired(size_t entries_max);

  // How many entries are held, expired ones that were not swept included.
  size_t EntryCount() const;

  // The version of the last commit.
  uint64_t last_version() const;

  // Compares, operations and keys of an atomic read: the most at a time.
  static constexpr size_t kOperationsMax = 128;

 private:
  const StoreOptions options_;
  const Clock& clock_;
  const KeyHasher hasher_;

  // Synchronises itself.
  std::unique_ptr<ShardTable> shards_;
  // The version of the last commit.  A committer adds one while it holds all
  // its locks; whoever takes one of those locks later sees entries with that
  // version by the lock, and the counter at least there.
  std::atomic<uint64_t> version_;
  // Where SweepExpired goes on.  Any value is right; a race costs one visit.
  std::atomic<uint32_t> sweep_next_ = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_STORE_H_
