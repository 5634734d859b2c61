// SeededRandom repeats: the same seed gives the same bytes.
//
// Thread safety: Fill() belongs to one thread at a time.

#ifndef LATCHKEY_TESTS_SUPPORT_SEEDED_RANDOM_H_
#define LATCHKEY_TESTS_SUPPORT_SEEDED_RANDOM_H_

#include <cstdint>
#include <random>
#include <span>

#include "server/base/random.h"

namespace latchkey {

class SeededRandom final : public RandomSource {
 public:
  explicit SeededRandom(uint64_t seed) : engine_(seed) {}

  void Fill(std::span<std::byte> bytes) override {
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(engine_());
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SUPPORT_SEEDED_RANDOM_H_
