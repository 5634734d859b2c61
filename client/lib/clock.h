// Clock is where the client takes time from: an interface, so that retries,
// hedges and stamps run in tests under a time of their own.
//
// Thread safety: all methods may be called from any thread.

#ifndef LATCHKEY_CLIENT_LIB_CLOCK_H_
#define LATCHKEY_CLIENT_LIB_CLOCK_H_

#include <chrono>
#include <cstdint>

namespace latchkey::client {

using Duration = std::chrono::nanoseconds;

// A point of the monotonic clock: means nothing outside the process.
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

class Clock {
 public:
  virtual ~Clock() = default;

  // Never less than an earlier answer.
  virtual TimePoint Now() const = 0;

  // Milliseconds since the Unix epoch by the wall clock, which can be set back.
  virtual int64_t UnixMillis() const = 0;
};

// The clocks of the machine.
class SystemClock final : public Clock {
 public:
  TimePoint Now() const override;
  int64_t UnixMillis() const override;
};

}  // namespace latchkey::client

#endif  // LATCHKEY_CLIENT_LIB_CLOCK_H_
