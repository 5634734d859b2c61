// FakeClock stands still until a test moves it.
//
// Thread safety: all methods may be called from any thread.

#ifndef LATCHKEY_TESTS_SUPPORT_FAKE_CLOCK_H_
#define LATCHKEY_TESTS_SUPPORT_FAKE_CLOCK_H_

#include <atomic>

#include "server/base/clock.h"

namespace latchkey {

class FakeClock final : public Clock {
 public:
  // Begins at an arbitrary round instant of 2023.
  explicit FakeClock(UnixNanos start = 1'700'000'000 * kNanosPerSecond)
      : now_(start) {}

  UnixNanos Now() const override {
    // Each reading may itself take time, so that a test can let a deadline pass
    // between two points of one operation.
    return now_.fetch_add(step_.load(std::memory_order_relaxed),
                          std::memory_order_relaxed);
  }

  // REQUIRES: duration >= 0.
  void Advance(Nanos duration) {
    now_.fetch_add(duration, std::memory_order_relaxed);
  }

  // From now on each Now() moves the clock on by `step` after it has answered.
  void set_step(Nanos step) { step_.store(step, std::memory_order_relaxed); }

 private:
  // Two words that need not agree: relaxed is enough.
  mutable std::atomic<UnixNanos> now_;
  std::atomic<Nanos> step_ = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SUPPORT_FAKE_CLOCK_H_
