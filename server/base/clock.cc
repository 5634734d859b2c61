#include "server/base/clock.h"

#include <time.h>

namespace latchkey {
namespace {

Nanos Read(clockid_t id) {
  timespec t;
  clock_gettime(id, &t);
  return t.tv_sec * kNanosPerSecond + t.tv_nsec;
}

}  // namespace

SystemClock::SystemClock()
    : wall_minus_monotonic_(Read(CLOCK_REALTIME) - Read(CLOCK_MONOTONIC)) {}

Nanos MonotonicNow() { return Read(CLOCK_MONOTONIC); }

Nanos ThreadCpuNow() { return Read(CLOCK_THREAD_CPUTIME_ID); }

UnixNanos SystemClock::Now() const {
  return Read(CLOCK_MONOTONIC) + wall_minus_monotonic_;
}

}  // namespace latchkey
