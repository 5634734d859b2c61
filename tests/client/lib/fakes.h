// Time, timers and randomness of client tests: they do what the test says, so
// that no test waits for a clock.
//
// Thread safety: all methods may be called from any thread.

#ifndef LATCHKEY_TESTS_CLIENT_LIB_FAKES_H_
#define LATCHKEY_TESTS_CLIENT_LIB_FAKES_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "client/lib/clock.h"
#include "client/lib/mutex.h"
#include "client/lib/random.h"
#include "client/lib/timer.h"

namespace latchkey::client {

// Stands still until it is moved.
class FakeClock final : public Clock {
 public:
  TimePoint Now() const override {
    MutexLock lock(mutex_);
    return now_;
  }

  int64_t UnixMillis() const override {
    MutexLock lock(mutex_);
    return unix_millis_;
  }

  void Advance(Duration duration) {
    MutexLock lock(mutex_);
    now_ += duration;
    unix_millis_ +=
        std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  }

  void SetUnixMillis(int64_t unix_millis) {
    MutexLock lock(mutex_);
    unix_millis_ = unix_millis;
  }

 private:
  mutable Mutex mutex_;
  TimePoint now_ ABSL_GUARDED_BY(mutex_) = TimePoint(std::chrono::hours(1));
  int64_t unix_millis_ ABSL_GUARDED_BY(mutex_) = 1'700'000'000'000;
};

// Gives the numbers it was told, then the last of them for ever.
class ScriptedRandom final : public RandomSource {
 public:
  explicit ScriptedRandom(std::deque<uint64_t> numbers = {0})
      : numbers_(std::move(numbers)) {}

  uint64_t Next() override {
    MutexLock lock(mutex_);
    const uint64_t number = numbers_.front();
    if (numbers_.size() > 1) numbers_.pop_front();
    return number;
  }

 private:
  Mutex mutex_;
  std::deque<uint64_t> numbers_ ABSL_GUARDED_BY(mutex_);
};

// Timers that fire when the test says so, and move the clock on to their time.
class FakeTimers final : public TimerFactory {
 public:
  explicit FakeTimers(FakeClock& clock) : clock_(clock) {}

  std::unique_ptr<Timer> After(Duration delay,
                               std::function<void()> callback) override {
    MutexLock lock(mutex_);
    const uint64_t id = next_id_++;
    pending_.emplace(id, Pending{delay, std::move(callback)});
    added_.notify_all();
    return std::make_unique<Handle>(*this, id);
  }

  // Waits until a timer is set, fires the oldest one and returns its delay.
  Duration FireNext() {
    Pending next;
    {
      MutexLock lock(mutex_);
      while (pending_.empty()) mutex_.ConditionWait(added_);
      next = std::move(pending_.begin()->second);
      pending_.erase(pending_.begin());
    }
    clock_.Advance(next.delay);
    next.callback();
    return next.delay;
  }

  bool empty() const {
    MutexLock lock(mutex_);
    return pending_.empty();
  }

 private:
  struct Pending {
    Duration delay{};
    std::function<void()> callback;
  };

  class Handle final : public Timer {
   public:
    Handle(FakeTimers& timers, uint64_t id) : timers_(timers), id_(id) {}
    ~Handle() override { timers_.Cancel(id_); }

   private:
    FakeTimers& timers_;
    const uint64_t id_;
  };

  void Cancel(uint64_t id) {
    // The callback is destroyed outside the lock: it may hold the last
    // reference to a call.
    Pending cancelled;
    MutexLock lock(mutex_);
    const auto found = pending_.find(id);
    if (found == pending_.end()) return;
    cancelled = std::move(found->second);
    pending_.erase(found);
  }

  FakeClock& clock_;
  mutable Mutex mutex_;
  std::condition_variable added_;
  uint64_t next_id_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, Pending> pending_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace latchkey::client

#endif  // LATCHKEY_TESTS_CLIENT_LIB_FAKES_H_
