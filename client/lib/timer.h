// TimerFactory is how the client is woken later: an interface, so that tests
// fire a timer when they like.
//
// Thread safety: After() may be called from any thread; a Timer is destroyed by
// one.

#ifndef LATCHKEY_CLIENT_LIB_TIMER_H_
#define LATCHKEY_CLIENT_LIB_TIMER_H_

#include <functional>
#include <memory>

#include "client/lib/clock.h"

namespace latchkey::client {

// A callback that is still to come.  Destruction cancels it and does not wait:
// one that already runs goes on.
class Timer {
 public:
  virtual ~Timer() = default;
};

class TimerFactory {
 public:
  virtual ~TimerFactory() = default;

  // Runs `callback` once, after `delay`, on some thread and never inside this
  // call.
  virtual std::unique_ptr<Timer> After(Duration delay,
                                       std::function<void()> callback) = 0;
};

// Timers of the gRPC library, which run on its threads.
class AlarmTimerFactory final : public TimerFactory {
 public:
  std::unique_ptr<Timer> After(Duration delay,
                               std::function<void()> callback) override;
};

}  // namespace latchkey::client

#endif  // LATCHKEY_CLIENT_LIB_TIMER_H_
