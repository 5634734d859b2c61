// RandomSource is where jitter and idempotency keys come from: an interface, so
// that tests know what comes.
//
// Thread safety: Next() may be called from any thread.

#ifndef LATCHKEY_CLIENT_LIB_RANDOM_H_
#define LATCHKEY_CLIENT_LIB_RANDOM_H_

#include <cstdint>

namespace latchkey::client {

class RandomSource {
 public:
  virtual ~RandomSource() = default;

  // 64 random bits.
  virtual uint64_t Next() = 0;
};

// The operating system's generator.  Two clients never share a sequence, not
// even across a fork, which is what unique keys need.
class SystemRandom final : public RandomSource {
 public:
  uint64_t Next() override;
};

}  // namespace latchkey::client

#endif  // LATCHKEY_CLIENT_LIB_RANDOM_H_
