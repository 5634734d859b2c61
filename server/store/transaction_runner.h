// TransactionRunner runs the compares and operations of one transaction on
// working copies.  It holds every rule of the operations and touches no shard.
//
// Use, in this order: construct, Prepare() with no lock held (it copies what is
// to be written, so that nothing large happens under a lock), lock and load the
// working set, see that there is BytesToRun(), Run().
//
// Thread safety: an instance belongs to one thread.

#ifndef LATCHKEY_SERVER_STORE_TRANSACTION_RUNNER_H_
#define LATCHKEY_SERVER_STORE_TRANSACTION_RUNNER_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/store/operations.h"
#include "server/store/result_budget.h"
#include "server/store/working_set.h"

namespace latchkey {

class TransactionRunner {
 public:
  // Adds the keys of `transaction` to `copies`; both must outlive the runner.
  TransactionRunner(const Transaction& transaction, WorkingSet& copies);

  TransactionRunner(const TransactionRunner&) = delete;
  TransactionRunner& operator=(const TransactionRunner&) = delete;

  // What all that the transaction may write takes at most, as far as it does
  // not depend on what the keys hold.
  size_t BytesToPrepare() const { return put_bytes_ + counter_bytes_; }

  // Copies what is to be put.  REQUIRES: `room` has the bytes.
  void Prepare(MemoryRoom& room);

  // What Run() takes of its room at most; and what the entries that it answers
  // with may take, of which an outcome that is kept holds on to.
  //
  // REQUIRES: Prepare() was called and the copies were loaded.
  size_t BytesToRun() const;
  size_t BytesToAnswer(size_t result_bytes_max) const;

  size_t operations() const { return on_success_.size() + on_failure_.size(); }

  // Runs the transaction as of `now` and appends to `result`, whose answers may
  // take `result_bytes_max`.  An error names the operation that failed; the
  // copies are then not to be published.
  //
  // REQUIRES: called once, after the copies were loaded; `room` has
  // BytesToRun().
  absl::Status Run(UnixNanos now, size_t result_bytes_max, MemoryRoom& room,
                   TransactionResult* result);

 private:
  // One operation with the numbers of its working copies.
  struct Step {
    const Operation* operation;
    uint32_t first;     // The key, or the source's.
    uint32_t second;    // The destination's, of Move and Transfer.
    EntryRef prepared;  // What a Put writes.
  };
  using Steps = absl::InlinedVector<Step, 1>;

  Steps MakeSteps(std::span<const Operation> operations);
  void Count(const Step& step);

  // The bytes of the largest entry that there may be during the run.
  size_t LargestBytes() const;
  absl::Status RunSteps(Steps& steps, TransactionResult* result);
  absl::StatusOr<OperationResult> RunStep(Step& step);

  // `error` with what says which operation failed.
  absl::Status NameOperation(const absl::Status& error, size_t index,
                             bool succeeded) const;

  // The rules of one operation.
  absl::StatusOr<GetResult> Apply(const GetOperation& get, Step& step);
  absl::StatusOr<PutResult> Apply(const PutOperation& put, Step& step);
  absl::StatusOr<DeleteResult> Apply(const DeleteOperation& del, Step& step);
  absl::StatusOr<IncrementResult> Apply(const IncrementOperation& increment,
                                        Step& step);
  absl::StatusOr<TouchResult> Apply(const TouchOperation& touch, Step& step);
  absl::StatusOr<MoveResult> Apply(const MoveOperation& move, Step& step);
  absl::StatusOr<TransferResult> Apply(const TransferOperation& transfer,
                                       Step& step);

  const Transaction& transaction_;
  WorkingSet& copies_;
  // Whose bytes what is written counts among.
  const uint32_t owner_;
  absl::InlinedVector<uint32_t, 1> compared_;
  Steps on_success_;
  Steps on_failure_;
  // What puts and counters take, and how many operations copy an entry, or
  // answer with one.
  size_t put_bytes_ = 0;
  size_t put_bytes_largest_ = 0;
  size_t counter_bytes_ = 0;
  size_t moves_ = 0;
  size_t moved_key_bytes_ = 0;
  size_t answers_ = 0;
  UnixNanos now_ = 0;
  // Run()'s.
  MemoryRoom* room_ = nullptr;
  ResultBudget budget_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_TRANSACTION_RUNNER_H_
