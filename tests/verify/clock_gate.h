// ClockGate lets a clock move only while no call is under way, so that the
// ledger's window never ends between two copies of one call.  Whoever waits to
// move the clock goes before calls that come later.
//
// Thread safety: all methods may be called from any thread.

#ifndef LATCHKEY_TESTS_VERIFY_CLOCK_GATE_H_
#define LATCHKEY_TESTS_VERIFY_CLOCK_GATE_H_

#include <mutex>
#include <shared_mutex>

namespace latchkey::verify {

class ClockGate {
 public:
  // Held for the length of a call.
  std::shared_lock<std::shared_mutex> EnterCall() {
    const std::lock_guard turn(turn_);
    return std::shared_lock(calls_);
  }

  // Held while the clock is moved.
  std::unique_lock<std::shared_mutex> StopCalls() {
    const std::lock_guard turn(turn_);
    return std::unique_lock(calls_);
  }

 private:
  std::mutex turn_;
  std::shared_mutex calls_;
};

}  // namespace latchkey::verify

#endif  // LATCHKEY_TESTS_VERIFY_CLOCK_GATE_H_
