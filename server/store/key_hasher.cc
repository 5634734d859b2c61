#include "server/store/key_hasher.h"

#include <sodium/crypto_shorthash.h>
#include <sodium/crypto_shorthash_siphash24.h>

#include <cstring>
#include <span>

namespace latchkey {

static_assert(crypto_shorthash_KEYBYTES == 16);
static_assert(crypto_shorthash_BYTES == sizeof(uint64_t));
static_assert(crypto_shorthash_siphashx24_KEYBYTES == 16);

KeyHasher::KeyHasher(RandomSource& random) {
  random.Fill(std::as_writable_bytes(std::span(secret_)));
}

uint64_t KeyHasher::Hash(std::string_view key) const {
  unsigned char out[crypto_shorthash_BYTES];
  crypto_shorthash(out, reinterpret_cast<const unsigned char*>(key.data()),
                   key.size(), secret_.data());
  uint64_t hash;
  std::memcpy(&hash, out, sizeof(hash));
  return hash;
}

Fingerprint KeyHasher::Hash128(std::string_view bytes) const {
  unsigned char out[crypto_shorthash_siphashx24_BYTES];
  crypto_shorthash_siphashx24(
      out, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
      secret_.data());
  Fingerprint fingerprint;
  static_assert(sizeof(fingerprint) == sizeof(out));
  std::memcpy(&fingerprint, out, sizeof(fingerprint));
  return fingerprint;
}

}  // namespace latchkey
