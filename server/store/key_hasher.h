// KeyHasher is the keyed 64-bit hash of a key: SipHash-2-4 (Aumasson and
// Bernstein, 2012), by libsodium.  Its secret is drawn at boot, so that no
// client can aim its keys at one shard or at one place in a table.
//
// Thread safety: Hash() may be called from any thread.

#ifndef LATCHKEY_SERVER_STORE_KEY_HASHER_H_
#define LATCHKEY_SERVER_STORE_KEY_HASHER_H_

#include <array>
#include <cstdint>
#include <string_view>

#include "server/base/random.h"
#include "server/store/fingerprint.h"

namespace latchkey {

class KeyHasher {
 public:
  // Draws the secret.
  explicit KeyHasher(RandomSource& random);

  uint64_t Hash(std::string_view key) const;

  // 128 bits, by the same function and secret (SipHash-2-4-128): long enough
  // that two different requests are never taken for one.
  Fingerprint Hash128(std::string_view bytes) const;

 private:
  std::array<unsigned char, 16> secret_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_KEY_HASHER_H_
