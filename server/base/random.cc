#include "server/base/random.h"

#include <sys/random.h>

namespace latchkey {

void SystemRandom::Fill(std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = getrandom(bytes.data(), bytes.size(), 0);
    // Only a signal before the first byte can interrupt getrandom(2).
    if (n < 0) continue;
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
}

}  // namespace latchkey
