// PrincipalAccount is what one principal uses of what a server limits: how fast
// its operations come, and how many of its calls are not over.
//
// Operations are a token bucket of one second's worth, as the generic cell rate
// algorithm has it: one number, the time at which the bucket will be full.  A
// request of more operations than the bucket holds needs a full one, and leaves
// it in debt, so that each request goes at some time, and the rate holds.
//
// Thread safety: all methods may be called from any thread; none takes a lock.
//
// Example:
//   const Nanos wait = account.TakeOperations(keys.size(), clock.Now());
//   if (wait > 0) return Refuse(wait);

#ifndef LATCHKEY_SERVER_ACCESS_PRINCIPAL_ACCOUNT_H_
#define LATCHKEY_SERVER_ACCESS_PRINCIPAL_ACCOUNT_H_

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "server/base/clock.h"

namespace latchkey {

// Of one principal; 0: there is no such limit.
struct PrincipalLimits {
  int64_t operations_per_second = 0;
  int64_t live_calls = 0;
};

// The highest limit.  A rate is held to the nanosecond for each request, so
// that this one is to a hundredth.
inline constexpr int64_t kPrincipalLimitMax = 10'000'000;

class PrincipalAccount {
 public:
  void set_limits(const PrincipalLimits& limits) {
    operations_per_second_.store(limits.operations_per_second,
                                 std::memory_order_relaxed);
    live_calls_max_.store(limits.live_calls, std::memory_order_relaxed);
  }

  // Whether TakeOperations() may refuse.
  bool limits_operations() const {
    return operations_per_second_.load(std::memory_order_relaxed) != 0;
  }

  // Takes `count` operations and returns 0; or takes none, and returns when
  // they may be asked for again.  REQUIRES: 0 < count < 1'000'000.
  Nanos TakeOperations(int64_t count, UnixNanos now) {
    const int64_t rate = operations_per_second_.load(std::memory_order_relaxed);
    if (rate == 0) return 0;
    const Nanos cost = (count * kNanosPerSecond + rate - 1) / rate;
    UnixNanos full_at = full_at_.load(std::memory_order_relaxed);
    while (true) {
      const UnixNanos from = std::max(full_at, now);
      const Nanos wait =
          from + std::min(cost, kNanosPerSecond) - now - kNanosPerSecond;
      if (wait > 0) {
        operations_refused_.fetch_add(1, std::memory_order_relaxed);
        return wait;
      }
      if (full_at_.compare_exchange_weak(full_at, from + cost,
                                         std::memory_order_relaxed)) {
        return 0;
      }
    }
  }

  // Counts a call, and returns whether it may be.  GiveCall() follows when it
  // is over, in either case.
  bool TakeCall() {
    const int64_t calls =
        live_calls_.fetch_add(1, std::memory_order_relaxed) + 1;
    const int64_t max = live_calls_max_.load(std::memory_order_relaxed);
    if (max == 0 || calls <= max) return true;
    calls_refused_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  void GiveCall() { live_calls_.fetch_sub(1, std::memory_order_relaxed); }

  // How often each has refused.
  uint64_t operations_refused() const {
    return operations_refused_.load(std::memory_order_relaxed);
  }
  uint64_t calls_refused() const {
    return calls_refused_.load(std::memory_order_relaxed);
  }

 private:
  // Each is a number of its own that nothing else has to agree with: relaxed is
  // enough for all.
  std::atomic<int64_t> operations_per_second_ = 0;
  std::atomic<int64_t> live_calls_max_ = 0;
  std::atomic<UnixNanos> full_at_ = 0;
  std::atomic<int64_t> live_calls_ = 0;
  std::atomic<uint64_t> operations_refused_ = 0;
  std::atomic<uint64_t> calls_refused_ = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_ACCESS_PRINCIPAL_ACCOUNT_H_
