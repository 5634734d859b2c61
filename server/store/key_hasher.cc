#include "server/store/key_hasher.h"

#include <sodium/crypto_shorthash.h>

#include <cstring>
#include <span>

namespace latchkey {

static_assert(crypto_shorthash_KEYBYTES == 16);
static_assert(crypto_shorthash_BYTES == sizeof(uint64_t));

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

}  // namespace latchkey
