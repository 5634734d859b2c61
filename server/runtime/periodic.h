// Periodic repeats a bounded step of background work on an executor, until it
// is destroyed.
//
// Thread safety: made and destroyed by its owner, on any thread; the steps run
// on the executor, one after the other.
//
// Who may destroy: anyone but its own step.  The destructor waits for a step
// that runs just now; none runs after it.  The executor may go before or after.
//
// Example:
//   Periodic sweep(executor, 100 * kNanosPerMilli, [&store] {
//     return store.SweepExpired(1'000) == 1'000;   // there is more
//   });

#ifndef LATCHKEY_SERVER_RUNTIME_PERIODIC_H_
#define LATCHKEY_SERVER_RUNTIME_PERIODIC_H_

#include <functional>
#include <memory>

#include "server/base/clock.h"
#include "server/base/executor.h"

namespace latchkey {

class Periodic {
 public:
  // The first `step` follows after `pause`; then each after a pause, or at once
  // where the one before said that there is more to do.
  //
  // REQUIRES: pause >= 0.
  Periodic(Executor& executor, Nanos pause, std::function<bool()> step);
  ~Periodic();

  // One step soon, beside those that come anyway.  From any thread.
  void StepNow();

  Periodic(const Periodic&) = delete;
  Periodic& operator=(const Periodic&) = delete;

 private:
  class Steps;

  // Shared with what is posted.
  const std::shared_ptr<Steps> steps_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RUNTIME_PERIODIC_H_
