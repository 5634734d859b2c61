// KeyGenerator makes idempotency keys: UUIDs of version 7 (RFC 9562) in their
// 16 bytes, which is half of what their text would cost the server's ledger.
//
//     0                   1                   2                   3
//    |            unix_ts_ms, 48 bits               |ver=7| counter, 12 bits |
//    |var=10|                     random, 62 bits                            |
//
// Keys of one generator ascend in byte order: within a millisecond by the
// counter, which begins at random in its lower half (RFC 9562, section 6.2,
// method 1); when it is used up, or the wall clock goes back, the timestamp
// runs ahead of the clock.
//
// Thread safety: Next() may be called from any thread.

#ifndef LATCHKEY_CLIENT_LIB_KEY_GENERATOR_H_
#define LATCHKEY_CLIENT_LIB_KEY_GENERATOR_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "client/lib/clock.h"
#include "client/lib/mutex.h"
#include "client/lib/random.h"

namespace latchkey::client {

class KeyGenerator {
 public:
  // Both must outlive the generator.
  KeyGenerator(const Clock& clock, RandomSource& random)
      : clock_(clock), random_(random) {}

  std::string Next();

 private:
  // Constant after construction.
  const Clock& clock_;
  RandomSource& random_;

  Mutex mutex_;
  // Those of the last key.
  int64_t millis_ ABSL_GUARDED_BY(mutex_) = -1;
  uint64_t counter_ ABSL_GUARDED_BY(mutex_) = 0;
};

// The 36 characters by which people know a key, as
// "017f22e2-79b0-74c3-98c4-dc0c0c07398f".
//
// REQUIRES: key.size() == 16.
std::string UuidText(std::string_view key);

}  // namespace latchkey::client

#endif  // LATCHKEY_CLIENT_LIB_KEY_GENERATOR_H_
