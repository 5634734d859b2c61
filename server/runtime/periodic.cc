#include "server/runtime/periodic.h"

#include <atomic>
#include <utility>

#include "server/base/scheduling_hook.h"

namespace latchkey {

class Periodic::Steps : public std::enable_shared_from_this<Steps> {
 public:
  Steps(Executor& executor, Nanos pause, std::function<bool()> step)
      : executor_(executor), pause_(pause), step_(std::move(step)) {}

  void PostNext(Nanos delay) {
    executor_.PostAfter(delay, [self = shared_from_this()] {
      const Pace pace = self->Run();
      // The owner may be gone by now.  The executor is not: it waits for what
      // it runs.
      if (pace != Pace::kStopped) {
        self->PostNext(pace == Pace::kAtOnce ? 0 : self->pause_);
      }
    });
  }

  void PostExtra() {
    executor_.Post([self = shared_from_this()] {
      if (self->Run() == Pace::kAtOnce) self->PostExtra();
    });
  }

  void Stop() {
    State state = State::kWaiting;
    while (!state_.compare_exchange_weak(state, State::kStopped,
                                         std::memory_order_acquire)) {
      if (state == State::kRunning) {
        AwaitChange(state_, State::kRunning, std::memory_order_acquire);
      }
      state = State::kWaiting;
    }
  }

 private:
  enum class State { kWaiting, kRunning, kStopped };

  // When the next step is to follow.
  enum class Pace { kStopped, kPause, kAtOnce };

  Pace Run() {
    State state = State::kWaiting;
    if (!state_.compare_exchange_strong(state, State::kRunning,
                                        std::memory_order_acquire)) {
      // A step that runs on another thread is not this one.
      return state == State::kRunning ? Pace::kAtOnce : Pace::kStopped;
    }
    SchedulingPoint();
    const bool more = step_();
    state_.store(State::kWaiting, std::memory_order_release);
    TellChange(state_);
    return more ? Pace::kAtOnce : Pace::kPause;
  }

  Executor& executor_;
  const Nanos pause_;
  const std::function<bool()> step_;

  // A step publishes what it did with release; the next step and the owner
  // observe with acquire.
  std::atomic<State> state_ = State::kWaiting;
};

Periodic::Periodic(Executor& executor, Nanos pause, std::function<bool()> step)
    : steps_(std::make_shared<Steps>(executor, pause, std::move(step))) {
  steps_->PostNext(pause);
}

Periodic::~Periodic() { steps_->Stop(); }

void Periodic::StepNow() { steps_->PostExtra(); }

}  // namespace latchkey
