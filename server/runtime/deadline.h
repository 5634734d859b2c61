// DeadlineSource and DeadlineToken carry the end of a request to every place
// where the request can wait.  The call owns the source; everyone else holds a
// token and asks it before going on.
//
// A source ends once, for one reason: its deadline passes, or someone calls
// End().  The first reason stays.
//
// Thread safety: End() and Check() may be called from any thread.
// Memory ordering: End() publishes with release and Check() observes with
// acquire, so that what thread A did before End() is seen by thread B after its
// Check() said so.
//
// Lifetime: a token refers to its source and must not outlive it.
//
// Example:
//   DeadlineSource source(clock.Now() + 50 * kNanosPerMilli);
//   ...
//   if (EndReason end = token.Check(now); end != EndReason::kNone) {
//     return EndedError(end, DeadlineStage::kBeforeCommit);
//   }

#ifndef LATCHKEY_SERVER_RUNTIME_DEADLINE_H_
#define LATCHKEY_SERVER_RUNTIME_DEADLINE_H_

#include <atomic>
#include <cstdint>

#include "absl/status/status.h"
#include "server/base/clock.h"

namespace latchkey {

// Why a request ended before its answer.
enum class EndReason : uint8_t {
  kNone,
  kDeadline,
  kClientCancelled,
  kConnectionLost,
  kDraining,
};

// Where a request was when its end was noticed.
enum class DeadlineStage { kArrival, kQueue, kBeforeCommit };

// The error of a request that ended: DEADLINE_EXCEEDED with the reason of
// `stage`, CANCELLED, or UNAVAILABLE with DRAINING.
//
// REQUIRES: reason is not kNone.
absl::Status EndedError(EndReason reason, DeadlineStage stage);

class DeadlineToken;

class DeadlineSource {
 public:
  // Ends at `deadline`; with kNever only by End().
  explicit DeadlineSource(UnixNanos deadline) : deadline_(deadline) {}

  DeadlineSource(const DeadlineSource&) = delete;
  DeadlineSource& operator=(const DeadlineSource&) = delete;

  // Ends the request now.  Does nothing where it was ended before.
  //
  // REQUIRES: reason is neither kNone nor kDeadline.
  void End(EndReason reason);

  DeadlineToken token() const;

 private:
  friend class DeadlineToken;

  const UnixNanos deadline_;
  std::atomic<EndReason> ended_ = EndReason::kNone;
};

class DeadlineToken {
 public:
  UnixNanos deadline() const { return source_->deadline_; }

  // Why the request has ended as of `now`, or kNone.  Costs one atomic load and
  // one compare.
  EndReason Check(UnixNanos now) const {
    const EndReason ended = source_->ended_.load(std::memory_order_acquire);
    if (ended != EndReason::kNone) return ended;
    return now >= source_->deadline_ ? EndReason::kDeadline : EndReason::kNone;
  }

 private:
  friend class DeadlineSource;

  explicit DeadlineToken(const DeadlineSource* source) : source_(source) {}

  const DeadlineSource* source_;
};

inline DeadlineToken DeadlineSource::token() const {
  return DeadlineToken(this);
}

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RUNTIME_DEADLINE_H_
