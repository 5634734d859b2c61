// TransferWorkload moves amounts between accounts, and now and then reads many
// accounts at one moment.
//
// An atomic read covers all accounts where they fit into one request
// (kBatchKeysMax), and then their total must be what it was at the start;
// otherwise it covers that many neighbours, of which none may be negative or
// older than what was acknowledged.
//
// A transfer that the source cannot cover is refused by the server; that is an
// answer, not an error.
//
// Thread safety: an instance belongs to one thread.

#ifndef LATCHKEY_CLIENT_LOAD_TRANSFER_WORKLOAD_H_
#define LATCHKEY_CLIENT_LOAD_TRANSFER_WORKLOAD_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "client/load/account_book.h"
#include "client/load/key_chooser.h"
#include "client/load/mix.h"
#include "client/load/random.h"
#include "client/load/workload.h"
#include "latchkey/v1/cache.pb.h"

namespace latchkey::load {

// Small against the initial balance, so that most transfers are covered.
inline constexpr int64_t kTransferAmountMax = 100;

// What the threads of a run have in common.  All of it outlives the workloads.
struct TransferShared {
  const Mix& mix;
  // Of account indexes.
  const KeyChooser& chooser;
  AccountBook& book;
};

class TransferWorkload final : public Workload {
 public:
  // REQUIRES: at least 2 accounts.
  TransferWorkload(const TransferShared& shared, uint64_t seed, uint32_t stream,
                   size_t slots);

  std::optional<Call> Begin(size_t slot) override;
  Step Continue(size_t slot, const Completion& completion,
                Tally& tally) override;

 private:
  struct Slot {
    OperationKind kind = OperationKind::kTransfer;
    uint64_t source = 0;
    uint64_t destination = 0;
    int64_t amount = 0;
    // Of an atomic read: the accounts first .. first + floors.size() - 1,
    // around the end, and the least version that each may show.
    uint64_t first = 0;
    std::vector<uint64_t> floors;
  };

  Call Transfer(Slot* slot);
  Call AtomicRead(Slot* slot);
  Step ContinueTransfer(const Slot& slot, const Completion& completion,
                        Tally& tally);
  Step ContinueAtomicRead(const Slot& slot, const Completion& completion,
                          Tally& tally);

  const TransferShared& shared_;
  Random random_;
  std::vector<Slot> slots_;
  // Used again and again, so that no call allocates them anew.
  v1::TransferRequest transfer_;
  v1::TransferResponse transfer_response_;
  v1::BatchGetRequest read_;
  v1::BatchGetResponse read_response_;
};

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_TRANSFER_WORKLOAD_H_
