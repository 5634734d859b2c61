#include "server/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace latchkey {

void CheckFailed(const char* file, int line, const char* condition,
                 const char* promise) {
  std::fprintf(stderr, "%s:%d: broken promise: %s (%s)\n", file, line, promise,
               condition);
  std::abort();
}

}  // namespace latchkey
