// VirtualExecutor runs each function on a fiber of its own, so that all that is
// posted runs in any order and at the same time.
//
// Thread safety: as the scheduler.

#ifndef LATCHKEY_TESTS_SIMULATION_VIRTUAL_EXECUTOR_H_
#define LATCHKEY_TESTS_SIMULATION_VIRTUAL_EXECUTOR_H_

#include <cstddef>
#include <functional>
#include <utility>

#include "server/base/executor.h"
#include "tests/simulation/scheduler.h"

namespace latchkey::simulation {

class VirtualExecutor final : public Executor {
 public:
  explicit VirtualExecutor(Scheduler& scheduler)
      : scheduler_(scheduler), idle_(scheduler) {}

  void Post(std::function<void()> function) override {
    PostAfter(0, std::move(function));
  }

  void PostAfter(Nanos delay, std::function<void()> function) override {
    ++posted_;
    scheduler_.Start("executor", [this, delay, run = std::move(function)] {
      if (delay > 0) scheduler_.WaitFor(delay);
      run();
      if (--posted_ == 0) idle_.NotifyAll();
    });
  }

  // Returns when nothing that was posted is left.
  void AwaitIdle() {
    while (posted_ > 0) idle_.Wait();
  }

 private:
  Scheduler& scheduler_;
  Signal idle_;
  size_t posted_ = 0;
};

}  // namespace latchkey::simulation

#endif  // LATCHKEY_TESTS_SIMULATION_VIRTUAL_EXECUTOR_H_
