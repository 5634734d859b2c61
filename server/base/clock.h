// Clock is where time comes from: an interface, so that everything that depends
// on time runs in tests and simulations under a time of their own.
//
// Thread safety: Now() may be called from any thread.

#ifndef LATCHKEY_SERVER_BASE_CLOCK_H_
#define LATCHKEY_SERVER_BASE_CLOCK_H_

#include <cstdint>

namespace latchkey {

// An instant: nanoseconds since the Unix epoch.  Covers the years 1678 to 2262.
using UnixNanos = int64_t;

// A length of time in nanoseconds.
using Nanos = int64_t;

// The instant that is never reached: "no expiry", "no deadline".
inline constexpr UnixNanos kNever = INT64_MAX;

inline constexpr Nanos kNanosPerMicro = 1'000;
inline constexpr Nanos kNanosPerMilli = 1'000'000;
inline constexpr Nanos kNanosPerSecond = 1'000'000'000;

// `a + b` for b >= 0, or kNever where that would overflow.
constexpr UnixNanos SaturatingAdd(UnixNanos a, Nanos b) {
  return a > kNever - b ? kNever : a + b;
}

// A reading of the machine's monotonic clock, to measure how long something
// took.  For statistics only: what decides anything asks a Clock.
Nanos MonotonicNow();

// The CPU time that the calling thread has used.
Nanos ThreadCpuNow();

class Clock {
 public:
  virtual ~Clock() = default;

  // The present instant.  Never less than an earlier answer.
  virtual UnixNanos Now() const = 0;
};

// The time of the machine: its monotonic clock, anchored to its wall clock
// once, at construction.  A later step of the wall clock is not seen, so an
// expiry or a deadline never jumps.
class SystemClock final : public Clock {
 public:
  SystemClock();

  UnixNanos Now() const override;

 private:
  const Nanos wall_minus_monotonic_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_BASE_CLOCK_H_
