// JumpyClock lets a deadline pass at a chosen moment of a real call.
//
// Thread safety: all methods may be called from any thread.

#ifndef LATCHKEY_TESTS_SUPPORT_JUMPY_CLOCK_H_
#define LATCHKEY_TESTS_SUPPORT_JUMPY_CLOCK_H_

#include <atomic>

#include "server/base/clock.h"

namespace latchkey {

// The time of the machine, until it is told to jump: then each reading is a day
// after the one before.
class JumpyClock final : public Clock {
 public:
  explicit JumpyClock(const Clock& clock) : clock_(clock) {}

  UnixNanos Now() const override {
    return clock_.Now() + days_.fetch_add(days_per_reading_) * kDay;
  }
  void StartJumping() { days_per_reading_ = 1; }

 private:
  static constexpr Nanos kDay = 86'400 * kNanosPerSecond;

  const Clock& clock_;
  std::atomic<int64_t> days_per_reading_ = 0;
  mutable std::atomic<int64_t> days_ = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SUPPORT_JUMPY_CLOCK_H_
