// ClientCore is what all calls of one Client share.
//
// Thread safety: the parts synchronise themselves.

#ifndef LATCHKEY_CLIENT_LIB_CLIENT_CORE_H_
#define LATCHKEY_CLIENT_LIB_CLIENT_CORE_H_

#include <condition_variable>
#include <memory>
#include <unordered_map>

#include "client/lib/clock.h"
#include "client/lib/key_generator.h"
#include "client/lib/mutex.h"
#include "client/lib/random.h"
#include "client/lib/retry_budget.h"
#include "client/lib/stamp_keeper.h"
#include "client/lib/timer.h"

namespace latchkey::client {

class LogicalCall;

// The calls that are under way, so that a Client can end them.
class CallRegistry {
 public:
  void Add(const std::shared_ptr<LogicalCall>& call);

  // By the call's destructor.
  void Remove(const LogicalCall* call);

  // Cancels all calls and returns when they are destroyed, and with them their
  // copies and timers.  REQUIRES: no call is added any more.
  void CancelAll();

 private:
  Mutex mutex_;
  std::condition_variable removed_;
  std::unordered_map<const LogicalCall*, std::weak_ptr<LogicalCall>> calls_
      ABSL_GUARDED_BY(mutex_);
};

struct ClientCore {
  ClientCore(const Clock& the_clock, RandomSource& the_random,
             TimerFactory& the_timers, Duration stamp_window)
      : clock(the_clock),
        random(the_random),
        timers(the_timers),
        keys(the_clock, the_random),
        stamps(stamp_window) {}

  const Clock& clock;
  RandomSource& random;
  TimerFactory& timers;
  KeyGenerator keys;
  StampKeeper stamps;
  RetryBudget budget;
  CallRegistry calls;
};

}  // namespace latchkey::client

#endif  // LATCHKEY_CLIENT_LIB_CLIENT_CORE_H_
