#include "server/runtime/deadline.h"

#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "server/base/check.h"
#include "server/base/error.h"
#include "server/base/mutex.h"
#include "server/base/scheduling_hook.h"

namespace latchkey {
namespace internal {

// The subscriptions of one source, newest first.
class EndSubscribers {
 public:
  EndSubscribers() = default;
  ~EndSubscribers() {
    MutexLock lock(mutex_);
    LATCHKEY_CHECK(newest_ == nullptr, "a source outlives its subscriptions");
  }

  EndSubscribers(const EndSubscribers&) = delete;
  EndSubscribers& operator=(const EndSubscribers&) = delete;

  // Those of a source, made where there are none yet.
  static EndSubscribers& Of(std::atomic<EndSubscribers*>& of_source) {
    EndSubscribers* found = of_source.load();
    if (found != nullptr) return *found;
    auto made = std::make_unique<EndSubscribers>();
    SchedulingPoint();
    if (!of_source.compare_exchange_strong(found, made.get())) return *found;
    return *made.release();
  }

  // Adds the subscription, unless `ended` says that it comes too late.
  bool Link(EndSubscription& subscription,
            const std::atomic<EndReason>& ended) {
    MutexLock lock(mutex_);
    if (ended.load() != EndReason::kNone) return false;
    subscription.next_ = newest_;
    if (newest_ != nullptr) newest_->previous_ = &subscription;
    newest_ = &subscription;
    subscription.linked_ = true;
    return true;
  }

  // Takes the subscription out; where it is being told on another thread, waits
  // until it was.
  void Unlink(EndSubscription& subscription) {
    {
      MutexLock lock(mutex_);
      if (subscription.linked_) {
        Remove(subscription);
        return;
      }
      // The only write of it was before this subscription was taken out.
      if (teller_ == CurrentRunner()) return;
    }
    AwaitChange(telling_, &subscription, std::memory_order_acquire);
  }

  // Calls all callbacks, each without the mutex.  By the one thread that ended
  // the source.
  void TellAll() {
    while (EndSubscription* const subscription = TakeOne()) {
      {
        // The callback may destroy the subscription.
        const std::function<void()> callback =
            std::move(subscription->callback_);
        SchedulingPoint();
        callback();
      }
      telling_.store(nullptr, std::memory_order_release);
      TellChange(telling_);
    }
  }

 private:
  EndSubscription* TakeOne() {
    MutexLock lock(mutex_);
    teller_ = CurrentRunner();
    EndSubscription* const subscription = newest_;
    if (subscription != nullptr) {
      Remove(*subscription);
      telling_.store(subscription, std::memory_order_release);
    }
    return subscription;
  }

  void Remove(EndSubscription& subscription)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    EndSubscription* const next = subscription.next_;
    EndSubscription* const previous = subscription.previous_;
    if (next != nullptr) next->previous_ = previous;
    (previous != nullptr ? previous->next_ : newest_) = next;
    subscription.linked_ = false;
  }

  // Synchronises itself.  Which subscription is being told: set under the
  // mutex, together with taking it out.  The teller's release after a callback
  // meets the acquire of who waits for it.
  std::atomic<EndSubscription*> telling_ = nullptr;

  Mutex mutex_;
  EndSubscription* newest_ ABSL_GUARDED_BY(mutex_) = nullptr;
  RunnerId teller_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace internal

namespace {

absl::Status DeadlineError(DeadlineStage stage) {
  const auto make = [](ErrorReason reason, std::string_view message) {
    return MakeError(absl::StatusCode::kDeadlineExceeded, reason, message);
  };
  switch (stage) {
    case DeadlineStage::kArrival:
      return make(ErrorReason::kExpiredOnArrival,
                  "the deadline had passed when the request arrived");
    case DeadlineStage::kQueue:
      return make(ErrorReason::kExpiredInQueue,
                  "the deadline passed in a queue");
    case DeadlineStage::kBeforeCommit:
      break;
  }
  return make(ErrorReason::kExpiredBeforeCommit,
              "the deadline passed before the commit");
}

}  // namespace

absl::Status EndedError(EndReason reason, DeadlineStage stage) {
  switch (reason) {
    case EndReason::kNone:
      break;
    case EndReason::kDeadline:
      return DeadlineError(stage);
    case EndReason::kClientCancelled:
      return absl::CancelledError("the client cancelled the request");
    case EndReason::kConnectionLost:
      return absl::CancelledError("the connection was lost");
    case EndReason::kDraining:
      return MakeError(absl::StatusCode::kUnavailable, ErrorReason::kDraining,
                       "the server is shutting down");
    case EndReason::kSiblingFailed:
      return absl::CancelledError("another part of the request has failed");
  }
  LATCHKEY_CHECK(false, "only a request that ended has an end");
}

void DeadlineSource::End(EndReason reason) {
  LATCHKEY_CHECK(reason != EndReason::kNone && reason != EndReason::kDeadline,
                 "a deadline ends by itself");
  EndFor(reason);
}

void DeadlineSource::EndFor(EndReason reason) {
  EndReason expected = EndReason::kNone;
  if (!ended_.compare_exchange_strong(expected, reason)) return;
  SchedulingPoint();
  internal::EndSubscribers* const subscribers = subscribers_.load();
  if (subscribers != nullptr) subscribers->TellAll();
}

void DeadlineSource::Forget() {
  delete subscribers_.load(std::memory_order_acquire);
}

EndSubscription::EndSubscription(DeadlineToken token,
                                 std::function<void()> callback)
    : callback_(std::move(callback)) {
  const DeadlineSource& source = *token.source_;
  internal::EndSubscribers& subscribers =
      internal::EndSubscribers::Of(source.subscribers_);
  if (subscribers.Link(*this, source.ended_)) {
    subscribers_ = &subscribers;
  } else {
    callback_();
  }
}

EndSubscription::~EndSubscription() {
  if (subscribers_ != nullptr) subscribers_->Unlink(*this);
}

}  // namespace latchkey
