// RetrySchedule decides when the copies of one logical call are sent, and which
// answer ends it.  It is a state machine without clock, timer or thread: the
// time is an argument, and what to do is the answer.
//
//   - At most 5 copies, hedges included, and none once the deadline is nearer
//     than the wait before it.
//   - Retried is UNAVAILABLE only, when no other copy is under way, and while
//     the RetryBudget allows it.
//   - Before retry n = 0, 1, ...: full jitter, uniform in
//     0 .. min(5 ms * 2^n, 100 ms).  A server's pushback is waited for instead;
//     a negative one means that there is no retry.
//   - With `hedge_delay`: one more copy when the newest one has not been
//     answered for so long.  The first good answer ends the call; so does an
//     error that the other copy would get too (IsConclusive).  Of errors that
//     are not, the last one.
//
// Thread safety: an instance is used by one thread at a time.
//
// Example:
//   RetrySchedule schedule({.deadline = now + 1s}, budget, random);
//   RetrySchedule::Step step = schedule.Start(now);       // kSend
//   step = schedule.OnAnswer(now, {.code = UNAVAILABLE});  // kWait, with wake
//   step = schedule.OnTimer(*step.wake);                   // kSend
//   step = schedule.OnAnswer(now, {.code = OK});           // kFinish

#ifndef LATCHKEY_CLIENT_LIB_RETRY_SCHEDULE_H_
#define LATCHKEY_CLIENT_LIB_RETRY_SCHEDULE_H_

#include <grpcpp/support/status.h>

#include <chrono>
#include <cstdint>
#include <optional>

#include "client/lib/clock.h"
#include "client/lib/random.h"
#include "client/lib/retry_budget.h"

namespace latchkey::client {

inline constexpr int kAttemptsMax = 5;
inline constexpr Duration kBackoffBase = std::chrono::milliseconds(5);
inline constexpr Duration kBackoffMax = std::chrono::milliseconds(100);

// Whether `code` is an answer that every copy of the call would get: good, or
// an error that the server decided on and, for a keyed write, recorded.  The
// others speak of one copy only: it was shed, came too late, found no room, or
// broke.
bool IsConclusive(grpc::StatusCode code);

class RetrySchedule {
 public:
  struct Options {
    // false: one copy and no more.
    bool repeat = true;
    std::optional<Duration> hedge_delay;
    TimePoint deadline = TimePoint::max();
  };

  struct Answer {
    grpc::StatusCode code = grpc::StatusCode::OK;
    // grpc-retry-pushback-ms, where the answer had it.
    std::optional<int64_t> pushback_ms;
  };

  enum class Action {
    // Send a copy now.
    kSend,
    // Nothing now.
    kWait,
    // The call ends with the answer just told.
    kFinish,
  };

  struct Step {
    Action action = Action::kWait;
    // When OnTimer() is to be called; replaces any earlier wish.
    std::optional<TimePoint> wake;
  };

  // `budget` and `random` must outlive the schedule.
  RetrySchedule(const Options& options, RetryBudget& budget,
                RandomSource& random)
      : options_(options), budget_(budget), random_(random) {}

  // Once, before all others.
  Step Start(TimePoint now);

  // A copy was answered.  Not after kFinish.
  Step OnAnswer(TimePoint now, const Answer& answer);

  // Some time has passed.  Does no harm when it comes early, late or twice: the
  // step says when it is wanted again.
  Step OnTimer(TimePoint now);

  // No more copies from here on.
  void StopRepeating() { options_.repeat = false; }

  // How many copies were to be sent so far, and how many of them while another
  // one was under way.
  int attempts() const { return attempts_; }
  int hedges() const { return hedges_; }

 private:
  Step Send(TimePoint now);
  bool MayRetry(const Answer& answer) const;
  Duration Backoff();

  Options options_;
  RetryBudget& budget_;
  RandomSource& random_;

  int attempts_ = 0;
  int in_flight_ = 0;
  int retries_ = 0;
  int hedges_ = 0;
  // A server said that it wants no retry.
  bool refused_ = false;
  // The end of the longest pushback so far.
  TimePoint not_before_ = TimePoint::min();
  // When the next copy is due: a retry when none is in flight, else a hedge.
  std::optional<TimePoint> wake_;
};

}  // namespace latchkey::client

#endif  // LATCHKEY_CLIENT_LIB_RETRY_SCHEDULE_H_
