// Executor runs functions somewhere else, now or later: an interface, so that
// background work runs in tests and simulations step by step, in virtual time.
//
// Thread safety: Post() and PostAfter() may be called from any thread.

#ifndef LATCHKEY_SERVER_BASE_EXECUTOR_H_
#define LATCHKEY_SERVER_BASE_EXECUTOR_H_

#include <functional>

#include "server/base/clock.h"

namespace latchkey {

class Executor {
 public:
  virtual ~Executor() = default;

  // Runs `function` soon, never inside this call.
  virtual void Post(std::function<void()> function) = 0;

  // Runs `function` when `delay` has passed.  REQUIRES: delay >= 0.
  virtual void PostAfter(Nanos delay, std::function<void()> function) = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_BASE_EXECUTOR_H_
