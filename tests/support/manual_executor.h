// ManualExecutor runs what is posted when its test says so, in the virtual time
// of a FakeClock.
//
// Thread safety: none; it belongs to the thread of its test.
//
// Example:
//   ManualExecutor executor(clock);
//   executor.PostAfter(kNanosPerSecond, step);
//   executor.RunReady();              // nothing is due
//   clock.Advance(kNanosPerSecond);
//   executor.RunReady();              // step() has run

#ifndef LATCHKEY_TESTS_SUPPORT_MANUAL_EXECUTOR_H_
#define LATCHKEY_TESTS_SUPPORT_MANUAL_EXECUTOR_H_

#include <cstddef>
#include <functional>
#include <map>
#include <utility>

#include "server/base/clock.h"
#include "server/base/executor.h"

namespace latchkey {

class ManualExecutor final : public Executor {
 public:
  explicit ManualExecutor(const Clock& clock) : clock_(clock) {}

  void Post(std::function<void()> function) override {
    PostAfter(0, std::move(function));
  }
  void PostAfter(Nanos delay, std::function<void()> function) override {
    functions_.emplace(clock_.Now() + delay, std::move(function));
  }

  // Runs the first function that is due, of those due at the same time the one
  // that was posted first; returns false where there is none.
  bool RunOne() {
    if (functions_.empty() || functions_.begin()->first > clock_.Now()) {
      return false;
    }
    functions_.extract(functions_.begin()).mapped()();
    return true;
  }

  // Runs all that is due, also what is posted on the way.
  void RunReady() {
    while (RunOne()) {
    }
  }

  // Functions that wait, and how long the first of them will.
  size_t pending() const { return functions_.size(); }
  Nanos delay() const { return functions_.begin()->first - clock_.Now(); }

 private:
  const Clock& clock_;
  std::multimap<UnixNanos, std::function<void()>> functions_;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SUPPORT_MANUAL_EXECUTOR_H_
