// RandomSource is where secrets and jitter come from: an interface, so that
// tests and simulations repeat from a seed.
//
// Thread safety: Fill() may be called from any thread.

#ifndef LATCHKEY_SERVER_BASE_RANDOM_H_
#define LATCHKEY_SERVER_BASE_RANDOM_H_

#include <cstddef>
#include <span>

namespace latchkey {

class RandomSource {
 public:
  virtual ~RandomSource() = default;

  // Overwrites `bytes` with random ones.
  virtual void Fill(std::span<std::byte> bytes) = 0;
};

// The operating system's generator; fit for secrets.
class SystemRandom final : public RandomSource {
 public:
  void Fill(std::span<std::byte> bytes) override;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_BASE_RANDOM_H_
