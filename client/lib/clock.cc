#include "client/lib/clock.h"

namespace latchkey::client {

TimePoint SystemClock::Now() const { return std::chrono::steady_clock::now(); }

int64_t SystemClock::UnixMillis() const {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

}  // namespace latchkey::client
