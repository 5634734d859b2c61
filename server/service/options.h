// What requests may ask for, and answers hold.  Larger ones are refused before
// any work is done.

#ifndef LATCHKEY_SERVER_SERVICE_OPTIONS_H_
#define LATCHKEY_SERVER_SERVICE_OPTIONS_H_

#include <cstddef>

#include "server/base/clock.h"

namespace latchkey {

class RulesKeeper;

struct ServiceOptions {
  // A key, in bytes; at most 65,535, which is what an entry can hold.
  size_t key_bytes_max = 1024;

  // A value, in bytes.  One value and its key must fit into a message.
  size_t value_bytes_max = 1024 * 1024;

  // Operations and compares of a batch or transaction, and keys of an atomic
  // BatchGet; at most Store::kOperationsMax.
  size_t operations_max = 128;

  // Keys of a BatchGet that is not atomic.
  size_t batch_get_keys_max = 10'000;

  // What principals may do; null: anything.  Must outlive the service.
  const RulesKeeper* rules = nullptr;

  // For tests only: CPU that each operation burns before it calls the store.
  Nanos test_service_time = 0;
};

// Parts of the contract that no option changes.
//
// An idempotency key is an identifier, not data: 64 bytes hold a UUID or a hash
// in any notation.
inline constexpr size_t kIdempotencyKeyBytesMax = 64;

// The most entries that one message of a Scan may be asked to hold.
inline constexpr size_t kScanPageMax = 1000;

// How far ahead an expiry may be: 100 years of 365.25 days.  Further is more
// likely a wrong unit than a wish.
inline constexpr Nanos kExpirationMax = 36'525LL * 86'400 * kNanosPerSecond;

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SERVICE_OPTIONS_H_
