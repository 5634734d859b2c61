// OperationMaker makes the operations of one life, at random: appends to logs,
// by themselves and inside transactions, writes and reads of a few registers
// that all slots share, and transfers between counters.
//
// Registers and counters have the same names in each life, so that what an
// earlier life left would be seen as a value from nowhere.  Logs have names of
// their own, so that an append of an earlier life would be seen by a read of
// its log.
//
// Every write has an idempotency key, that no other write of the run has.
//
// Thread safety: an instance belongs to one thread.

#ifndef LATCHKEY_TESTS_STRESS_OPERATION_MAKER_H_
#define LATCHKEY_TESTS_STRESS_OPERATION_MAKER_H_

#include <google/protobuf/message_lite.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "client/verify/append_log.h"
#include "client/verify/method.h"

namespace latchkey::stress {

struct Operation {
  verify::Method method = verify::Method::kGet;
  std::shared_ptr<const google::protobuf::MessageLite> request;
  // Of a write; else empty.
  std::string idempotency_key;
};

class OperationMaker {
 public:
  OperationMaker(uint64_t seed, uint64_t life, size_t slots);

  // What the keys of this life's logs, and no others, begin with.
  const std::string& log_prefix() const { return log_prefix_; }

  // The next operation of a slot.
  Operation Next(size_t slot);

  // Reads that must be made when nothing else is under way, so that all that
  // was written since the last call is seen: of the logs, which then are not
  // written again, and of all else at one moment.
  std::vector<Operation> FinalReads();

  static Operation ReadOf(const std::string& key);

 private:
  struct Log {
    explicit Log(const std::string& prefix) : names(prefix) {}
    verify::AppendLogNames names;
    // The one that was appended to last; empty before the first.
    std::string last;
  };

  Operation Append(size_t slot);
  Operation AppendInTransaction(size_t slot);
  Operation PutRegister();
  Operation DeleteRegister();
  Operation MoveRegister();
  Operation IncrementCounter();
  Operation TransferAmount();
  Operation ReadAll();

  template <typename Request>
  Operation Keyed(verify::Method method, std::shared_ptr<Request> request);

  size_t Below(size_t count);
  std::string Register();
  std::string NewValue();

  const std::string life_;
  const std::string log_prefix_;
  std::mt19937_64 random_;
  std::vector<Log> logs_;
  uint64_t made_ = 0;
};

}  // namespace latchkey::stress

#endif  // LATCHKEY_TESTS_STRESS_OPERATION_MAKER_H_
