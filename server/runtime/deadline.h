// DeadlineSource and DeadlineToken carry the end of a request to every place
// where the request can wait.  The call owns the source; everyone else holds a
// token and asks it before going on, or subscribes to its end with an
// EndSubscription.  A ChildDeadline is a source that ends with its parent, and
// may end sooner.
//
// Rules:
//   1. A source ends once, for one reason: its deadline passes, or someone
//      calls End().  The first reason stays.
//   2. A deadline that passes is seen by Check() at once.  Subscribers and
//      children are told of it when someone with a timer calls Expire(); only a
//      call that waits somewhere needs that.
//   3. The callback of a subscription runs at most once, on the thread that
//      ends the source, before End() or Expire() returns there; it runs inside
//      the constructor of a subscription that comes after the end.
//   4. Who destroys a subscription knows, when the destructor has returned,
//      that its callback does not run and never will.  Where it runs just now
//      on another thread, the destructor waits; in the callback itself a
//      subscription may be destroyed, and its memory freed.
//
// Thread safety: all methods may be called from any thread.
//
// Memory ordering: what thread A did before End() is seen by thread B after its
// Check() said that the source has ended, and by the callbacks.
//
// Who may destroy: a source goes after all its tokens, subscriptions and
// children, when no End() or Expire() of it runs.  With a subscription left it
// ends the process.
//
// Cost: Check() is one atomic load and one compare, with or without
// subscriptions.  A source without them allocates nothing.
//
// Example:
//   DeadlineSource source(clock.Now() + 50 * kNanosPerMilli);
//   ...
//   if (EndReason end = token.Check(now); end != EndReason::kNone) {
//     return EndedError(end, DeadlineStage::kBeforeCommit);
//   }

#ifndef LATCHKEY_SERVER_RUNTIME_DEADLINE_H_
#define LATCHKEY_SERVER_RUNTIME_DEADLINE_H_

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>

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
  // Of a child only: another part of the same request has failed.
  kSiblingFailed,
};

// Where a request was when its end was noticed.
enum class DeadlineStage { kArrival, kQueue, kBeforeCommit };

// The error of a request that ended: DEADLINE_EXCEEDED with the reason of
// `stage`, CANCELLED, or UNAVAILABLE with DRAINING.
//
// REQUIRES: reason is not kNone.
absl::Status EndedError(EndReason reason, DeadlineStage stage);

class DeadlineToken;
class EndSubscription;

namespace internal {
class EndSubscribers;
}  // namespace internal

class DeadlineSource {
 public:
  // Ends at `deadline`; with kNever only by End().
  explicit DeadlineSource(UnixNanos deadline) : deadline_(deadline) {}

  ~DeadlineSource() {
    if (subscribers_.load(std::memory_order_acquire) != nullptr) Forget();
  }

  DeadlineSource(const DeadlineSource&) = delete;
  DeadlineSource& operator=(const DeadlineSource&) = delete;

  // Ends the request now.  Does nothing where it was ended before.
  //
  // REQUIRES: reason is neither kNone nor kDeadline.
  void End(EndReason reason);

  // Where the deadline has passed as of `now`, ends the request by it, so that
  // subscribers hear of it.
  void Expire(UnixNanos now) {
    if (now >= deadline_) EndFor(EndReason::kDeadline);
  }

  DeadlineToken token() const;

 private:
  friend class ChildDeadline;
  friend class DeadlineToken;
  friend class EndSubscription;

  void EndFor(EndReason reason);
  void Forget();

  const UnixNanos deadline_;
  // End() writes `ended_` and then reads `subscribers_`; a subscriber writes
  // `subscribers_`, where it is the first, and then reads `ended_`.  All four
  // are sequentially consistent, so at least one sees the other.
  std::atomic<EndReason> ended_ = EndReason::kNone;
  // Made by the first subscriber.
  mutable std::atomic<internal::EndSubscribers*> subscribers_ = nullptr;
};

class DeadlineToken {
 public:
  UnixNanos deadline() const { return source_->deadline_; }

  // Why the request was ended, without a look at its deadline: for who looked
  // at that a moment ago.
  EndReason ended() const {
    return source_->ended_.load(std::memory_order_acquire);
  }

  // Why the request has ended as of `now`, or kNone.
  EndReason Check(UnixNanos now) const {
    const EndReason reason = ended();
    if (reason != EndReason::kNone) return reason;
    return now >= source_->deadline_ ? EndReason::kDeadline : EndReason::kNone;
  }

 private:
  friend class ChildDeadline;
  friend class DeadlineSource;
  friend class EndSubscription;

  explicit DeadlineToken(const DeadlineSource* source) : source_(source) {}

  const DeadlineSource* source_;
};

// Calls back when a source ends; its own end unsubscribes.  See the rules.
class [[nodiscard]] EndSubscription {
 public:
  // `callback` holds no lock when it is called, and may take leaves.
  //
  // REQUIRES: the calling thread holds no leaf.
  EndSubscription(DeadlineToken token, std::function<void()> callback);

  // REQUIRES: as above.
  ~EndSubscription();

  EndSubscription(const EndSubscription&) = delete;
  EndSubscription& operator=(const EndSubscription&) = delete;

 private:
  friend class internal::EndSubscribers;

  std::function<void()> callback_;
  // Null where it was told at once.
  internal::EndSubscribers* subscribers_ = nullptr;

  // Guarded by the mutex of `subscribers_`.
  EndSubscription* next_ = nullptr;
  EndSubscription* previous_ = nullptr;
  bool linked_ = false;
};

// A source that ends with its parent, for the parent's reason, and at the
// latest at the earlier of the two deadlines.
class ChildDeadline {
 public:
  explicit ChildDeadline(DeadlineToken parent, UnixNanos deadline = kNever)
      : source_(std::min(parent.deadline(), deadline)),
        parent_(parent, [this, from = parent.source_] {
          source_.EndFor(from->ended_.load(std::memory_order_acquire));
        }) {}

  // As DeadlineSource.
  void End(EndReason reason) { source_.End(reason); }
  void Expire(UnixNanos now) { source_.Expire(now); }
  DeadlineToken token() const { return source_.token(); }

 private:
  DeadlineSource source_;
  // Goes first, so that the parent has no way to a source that ends.
  EndSubscription parent_;
};

inline DeadlineToken DeadlineSource::token() const {
  return DeadlineToken(this);
}

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RUNTIME_DEADLINE_H_
