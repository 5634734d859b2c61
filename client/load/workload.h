// Workload is what a thread's operations are made of: it says what the next
// call is and judges the answer, and knows nothing of time or sockets.
//
// Each slot has one operation at a time, of one call or more:
//
//   Begin(slot) -> call -> Continue(slot, answer) -> call or end of operation
//
// Thread safety: an instance belongs to one thread; what the threads of a run
// share (VersionFloors, AccountBook) is safe by itself.

#ifndef LATCHKEY_CLIENT_LOAD_WORKLOAD_H_
#define LATCHKEY_CLIENT_LOAD_WORKLOAD_H_

#include <cstddef>
#include <optional>

#include "client/load/engine.h"
#include "client/load/tally.h"

namespace latchkey::load {

// What follows on an answer.
struct Step {
  // The operation's next call; nothing where it has ended.
  std::optional<Call> next;
  // Of an operation that has ended: what it was, and whether it ended well.
  // Errors have been counted already.
  OperationKind kind = OperationKind::kGet;
  bool ok = false;
};

inline Step EndOf(OperationKind kind, bool ok) {
  return {.next = std::nullopt, .kind = kind, .ok = ok};
}

// Whether the answer is a message of the type of `response`, which then holds
// it.
inline bool ParseResponse(const Completion& completion,
                          google::protobuf::MessageLite* response) {
  return response->ParseFromArray(completion.response.data(),
                                  static_cast<int>(completion.response.size()));
}

class Workload {
 public:
  virtual ~Workload() = default;

  // The first call of a new operation; nothing where no work is left.  The
  // request lives until the next Begin() or Continue().
  virtual std::optional<Call> Begin(size_t slot) = 0;

  // Judges the answer to the slot's last call and counts what there is to
  // count, but for calls and latency.
  virtual Step Continue(size_t slot, const Completion& completion,
                        Tally& tally) = 0;
};

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_WORKLOAD_H_
