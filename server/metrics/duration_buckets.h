// The buckets that durations are counted in, from a point operation's
// microseconds to a call's longest wait, in steps of about two.
//
// Thread safety: constants and a free function.

#ifndef LATCHKEY_SERVER_METRICS_DURATION_BUCKETS_H_
#define LATCHKEY_SERVER_METRICS_DURATION_BUCKETS_H_

#include <array>
#include <cstddef>

#include "server/base/clock.h"

namespace latchkey {

// The most that a bucket holds, each; the last bucket, for all that is longer,
// has no bound.
inline constexpr std::array<Nanos, 20> kDurationBounds = {
    5 * kNanosPerMicro,   10 * kNanosPerMicro,  25 * kNanosPerMicro,
    50 * kNanosPerMicro,  100 * kNanosPerMicro, 250 * kNanosPerMicro,
    500 * kNanosPerMicro, 1 * kNanosPerMilli,   2'500 * kNanosPerMicro,
    5 * kNanosPerMilli,   10 * kNanosPerMilli,  25 * kNanosPerMilli,
    50 * kNanosPerMilli,  100 * kNanosPerMilli, 250 * kNanosPerMilli,
    500 * kNanosPerMilli, 1 * kNanosPerSecond,  2'500 * kNanosPerMilli,
    5 * kNanosPerSecond,  10 * kNanosPerSecond};

inline constexpr size_t kDurationBuckets = kDurationBounds.size() + 1;

// The bucket of `duration`: that of the least bound that is not below it.
constexpr size_t DurationBucket(Nanos duration) {
  // From the short end, where nearly all are.
  size_t bucket = 0;
  while (bucket < kDurationBounds.size() &&
         duration > kDurationBounds[bucket]) {
    ++bucket;
  }
  return bucket;
}

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_METRICS_DURATION_BUCKETS_H_
