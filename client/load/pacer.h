// Pacer is the timetable of an open loop: request i is meant to be sent at
// start + i / rate, whether or not the server has kept up.
//
// That is how coordinated omission is avoided.  A closed loop that meets a
// server standing still for a second sends nothing in that second, and so
// counts one slow request where a service with independent users would have
// seen thousands.  Here those thousands stay due, are sent late, and their
// latency counts from when they should have been sent.
//
// What is due waits in a backlog.  It is bounded, oldest given up first, so
// that an overload ends soon after its cause; what was given up counts as `not
// sent in time`.
//
// Thread safety: an instance belongs to one thread.  Time is an argument, and
// must not go back.

#ifndef LATCHKEY_CLIENT_LOAD_PACER_H_
#define LATCHKEY_CLIENT_LOAD_PACER_H_

#include <cstdint>
#include <optional>

#include "client/load/engine.h"

namespace latchkey::load {

struct PacerOptions {
  Nanos start = 0;
  // No request is meant for this instant or later.
  Nanos end = kForever;
  // Requests per second, of all threads together.
  double rate = 1;
  // Thread `thread` of `threads` has every `threads`-th request.
  uint32_t thread = 0;
  uint32_t threads = 1;
  // How many due requests may wait at a time; at least 1.
  uint64_t backlog_max = 1;
};

class Pacer {
 public:
  explicit Pacer(const PacerOptions& options);

  // Takes the oldest request that is due at `now` and has not been given up:
  // when it was meant to be sent.  Nothing if none is due.
  std::optional<Nanos> Take(Nanos now);

  // Gives up what is more than the backlog may hold.  To be called, too, while
  // nothing can be taken.
  void Trim(Nanos now);

  // When the oldest request that was not taken is meant to be sent; kForever
  // after the last.
  Nanos NextTime() const;

  // Gives up everything due at `now` that was not taken, and ends.
  void Finish(Nanos now);

  // How many requests were given up.
  uint64_t not_sent() const { return not_sent_; }

 private:
  Nanos TimeOf(uint64_t number) const;
  // How many requests are meant for instants <= now, taken or not.
  uint64_t DueBy(Nanos now) const;

  const PacerOptions options_;
  // Requests up to here were taken or given up.
  uint64_t next_ = 0;
  uint64_t not_sent_ = 0;
  bool finished_ = false;
};

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_PACER_H_
