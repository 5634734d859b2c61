// Fingerprint is 128 bits over what a keyed write asks for: two requests with
// one fingerprint are copies of one write.

#ifndef LATCHKEY_SERVER_STORE_FINGERPRINT_H_
#define LATCHKEY_SERVER_STORE_FINGERPRINT_H_

#include <cstdint>

namespace latchkey {

struct Fingerprint {
  uint64_t high = 0;
  uint64_t low = 0;

  friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_FINGERPRINT_H_
