#include "client/lib/random.h"

#include <sys/random.h>

namespace latchkey::client {

uint64_t SystemRandom::Next() {
  uint64_t bits = 0;
  // So few bytes come whole; only a signal before the first can interrupt.
  while (getrandom(&bits, sizeof(bits), 0) != sizeof(bits)) {
  }
  return bits;
}

}  // namespace latchkey::client
