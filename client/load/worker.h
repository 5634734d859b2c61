// Worker runs one thread's share of one phase (preload, warm-up, measurement,
// audit): it keeps the slots of a port at work on a workload, at the pace that
// was asked for, until the phase ends, and then waits for what is in flight.
//
//   closed loop   a slot begins its next operation when its last one has ended
//   open loop     operations begin when the Pacer says, as soon as a slot is
//                 free; latency counts from when they were due
//
// An operation belongs to the phase that it was due in, however late it ends.
//
// A slot whose call no server answered rests for kRestAfterSilence, so that a
// server that is gone is not asked a million times; and when for the phase's
// `gone_after` nothing but such calls has ended, the worker gives up.
//
// Thread safety: Run() belongs to one thread.  PhaseSignals is how other
// threads see and stop it.

#ifndef LATCHKEY_CLIENT_LOAD_WORKER_H_
#define LATCHKEY_CLIENT_LOAD_WORKER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "client/load/engine.h"
#include "client/load/pacer.h"
#include "client/load/random.h"
#include "client/load/tally.h"
#include "client/load/workload.h"

namespace latchkey::load {

inline constexpr Nanos kRestAfterSilence = 100 * kNanosPerMilli;
inline constexpr Nanos kGoneAfter = 3 * kNanosPerSecond;

// What all workers of a phase share.
//
// Thread safety: each is one word that stands for itself, so relaxed accesses
// are enough.
struct PhaseSignals {
  // Set by whoever wants the phase to end now.
  const std::atomic<bool>* stop = nullptr;
  // Set by a worker that gave up; the others then stop, too.
  std::atomic<bool> gone = false;
  // Set by a worker whose operation failed in a phase that must not fail.
  std::atomic<bool> failed = false;
  // Operations that may still begin.
  std::atomic<int64_t> budget = INT64_MAX;
  // For the progress line.
  std::atomic<uint64_t> ended = 0;
  std::atomic<uint64_t> errors = 0;
};

struct Phase {
  // No operation begins at or after this instant.
  Nanos end = kForever;
  // The first error ends the phase.
  bool must_not_fail = false;
  Nanos gone_after = kGoneAfter;
  // An operation that took longer ended well, but too late to be of use.
  Nanos useful_within = kForever;
  // The share of operations that are cancelled when they have run for
  // `cancel_after`, as `cancel_random` says.
  double cancel_ratio = 0;
  Nanos cancel_after = 0;
  Random cancel_random{0, 0};
  // The open loop; without it the loop is closed.
  std::optional<PacerOptions> pace;
};

class Worker {
 public:
  // All outlive the worker.
  Worker(CallPort& port, size_t slots, Workload& workload,
         PhaseSignals& signals);

  Tally Run(const Phase& phase);

 private:
  struct Resting {
    size_t slot;
    Nanos until;
  };

  // An operation to be cancelled, unless it has ended by then.
  struct ToCancel {
    Nanos time;
    size_t slot;
    uint64_t operation;
  };

  // What a slot's operation is.
  struct Running {
    // 0: none.
    uint64_t operation = 0;
    Nanos due = 0;
    Nanos sent = 0;
    bool to_cancel = false;
    bool cancelled = false;
  };

  void CancelDue(Nanos now);
  // Decides whether the operation of `slot` is to be cancelled.
  void ChooseToCancel(size_t slot);
  void CountEnd(const Running& ended, const Completion& completion,
                const Step& step, Nanos now, const Phase& phase);

  // Makes the calls of operations whose rest is over.
  void ResumeRested(Nanos now);

  bool Stopped(const Phase& phase, Nanos now) const;
  // Begins what is due and can begin.
  void BeginDue(Nanos now);
  // When there may be an operation to begin; kForever if only an ending call
  // can change that.
  Nanos NextBegin() const;
  // False where the workload or the budget is used up.
  bool Begin(size_t slot, Nanos due);
  void End(const Completion& completion, Nanos now, const Phase& phase);
  void NoteSilence(Nanos now, const Phase& phase);

  CallPort& port_;
  Workload& workload_;
  PhaseSignals& signals_;

  std::vector<Running> running_;
  uint64_t operations_ = 0;
  // In the order of their times.
  std::deque<ToCancel> to_cancel_;
  double cancel_ratio_ = 0;
  Nanos cancel_after_ = 0;
  Random cancel_random_{0, 0};
  std::vector<size_t> idle_;
  // Slots between two operations, in the order of their ends.
  std::deque<Resting> resting_;
  // Slots whose operation rests, by when it goes on.
  std::multimap<Nanos, size_t> rested_;
  // Operations that have begun and not ended.
  size_t in_flight_ = 0;
  bool exhausted_ = false;
  std::optional<Pacer> pacer_;
  // When the present run of unanswered calls began.
  std::optional<Nanos> silent_since_;
  Tally tally_;
};

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_WORKER_H_
