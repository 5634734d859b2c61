// Workload is what a thread's operations are made of: it says what the next
// call is and judges the answer, and knows nothing of time or sockets.
//
// Each slot has one operation at a time, of one call or more:
//
//   Begin(slot) -> call -> Continue(slot, answer) -> call, rest or end
//                                           rest -> Resume(slot) -> call
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
  // The operation's next call.
  std::optional<Call> next;
  // Without one: how long the operation rests before its next call; nothing
  // where it has ended.
  std::optional<Nanos> rest;
  // Of an operation that has ended: what it was, and whether it ended well.
  // Errors have been counted already.
  OperationKind kind = OperationKind::kGet;
  bool ok = false;
};

inline Step EndOf(OperationKind kind, bool ok) {
  return {.next = {}, .rest = {}, .kind = kind, .ok = ok};
}

inline Step Next(const Call& call) { return {.next = call, .rest = {}}; }

inline Step RestFor(Nanos rest) { return {.next = {}, .rest = rest}; }

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
  // request lives until the workload is asked for anything else.
  virtual std::optional<Call> Begin(size_t slot) = 0;

  // Judges the answer to the slot's last call and counts what there is to
  // count, but for calls and latency.
  virtual Step Continue(size_t slot, const Completion& completion,
                        Tally& tally) = 0;

  // The next call of an operation that has rested.  REQUIRES: Continue() said
  // that it rests.
  virtual Call Resume(size_t /*slot*/) { return {}; }
};

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_WORKLOAD_H_
