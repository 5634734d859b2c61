// Scheduler runs fibers, one at a time, in virtual time, and a seed decides who
// goes on at each point: at every lock and unlock, at every reading of the
// clock, and wherever else one waits.
//
// Time: each step takes kStep.  When nobody can go on, time jumps to where the
// next one awakes.  Now and then one stalls at a point, with all the locks that
// it holds, for 10 us to `stall_max`.
//
// How often others are let in is itself drawn from the seed, so that some runs
// change at every point and others hardly ever.
//
// What it sees itself: locks out of order (server/base/mutex.h), a lock that is
// taken twice, and a deadlock: everybody waits for a lock or for each other.
// failures() tells.
//
// A run is a function of its seed: trace() is a hash of all choices and
// instants, and of what Note() is told.
//
// Thread safety: an instance belongs to one thread.
//
// Example:
//   Scheduler scheduler({.seed = 7});
//   scheduler.Start("a", [&] { store.Put(...); });
//   scheduler.Start("b", [&] { scheduler.WaitFor(kNanosPerMilli); ... });
//   scheduler.Run();

#ifndef LATCHKEY_TESTS_SIMULATION_SCHEDULER_H_
#define LATCHKEY_TESTS_SIMULATION_SCHEDULER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "client/load/random.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"
#include "server/base/scheduling_hook.h"
#include "tests/simulation/fiber.h"

namespace latchkey::simulation {

struct SchedulerOptions {
  uint64_t seed = 1;
  // One point in so many stalls; 0: none.
  uint64_t stall_one_in = 4'000;
  Nanos stall_max = 8 * kNanosPerSecond;
};

class Scheduler final : public SchedulingHook {
 public:
  // How long a step takes: more than the work between two points does in truth,
  // so that deadlines pass at all of them.
  static constexpr Nanos kStep = kNanosPerMicro;

  // An arbitrary round instant of 2023.
  static constexpr UnixNanos kStart = 1'700'000'000 * kNanosPerSecond;

  explicit Scheduler(const SchedulerOptions& options);
  ~Scheduler() override;

  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Adds a fiber; `name` says in a failure who it is.  May be called by a
  // fiber, which goes on first.
  void Start(std::string_view name, std::function<void()> body);

  // Returns when all fibers have ended or none can go on.
  void Run();

  // The instant.  Two fibers never see the same one.
  UnixNanos now() const { return now_; }

  // The running fiber's last reading of the clock while it held a lock, by
  // which the store decides; 0: none since ForgetDecidedAt().
  UnixNanos decided_at() const;
  void ForgetDecidedAt();

  // Reads the clock, which is a point.
  UnixNanos ReadClock();

  // Waits until then, or for so long.
  void WaitUntil(UnixNanos time);
  void WaitFor(Nanos duration) { WaitUntil(SaturatingAdd(now_, duration)); }

  void Point() override;

  // Adds to the trace what a run has come to.
  void Note(std::string_view text);
  uint64_t trace() const { return trace_; }

  uint64_t steps() const { return steps_; }
  uint64_t switches() const { return switches_; }
  uint64_t stalls() const { return stalls_; }
  // Locks that were found held.
  uint64_t lock_waits() const { return lock_waits_; }

  // What nobody may do and somebody did, one line each.
  const std::vector<std::string>& failures() const { return failures_; }

  // SchedulingHook.
  void Lock(const Mutex& mutex, LockRank rank) override;
  bool TryLock(const Mutex& mutex, LockRank rank) override;
  void Unlock(const Mutex& mutex) override;
  bool Holds(const Mutex& mutex) const override;
  void Await(const void* address) override;
  void Wake(const void* address) override;
  const void* Current() const override { return running_; }

 private:
  friend class Signal;

  struct Task;
  struct Sleeper;

  // Goes on with somebody; returns when the running one is chosen again.
  void Yield();
  // As Yield(), for one that was put where it is found again.
  void Leave();
  // The next to run, or nullptr where nobody can.
  Task* Choose();
  void WakeDue();
  void WakeTask(Task* task);
  void AddSleeper(UnixNanos time);
  bool Stalls();
  void CheckOrder(const Mutex& mutex, LockRank rank);
  void Fail(std::string text);
  void ReportStuck();
  void RunBodies(Task* task);
  void Mix(uint64_t value);

  const SchedulerOptions options_;
  load::Random random_;
  // Others are let in at one point in so many.
  const uint64_t switch_one_in_;

  UnixNanos now_ = kStart;
  uint64_t trace_ = 0;
  uint64_t steps_ = 0;
  uint64_t switches_ = 0;
  uint64_t stalls_ = 0;
  uint64_t lock_waits_ = 0;
  std::vector<std::string> failures_;

  Fiber main_;
  // All, those that have ended too: their stacks are used again.
  std::vector<std::unique_ptr<Task>> tasks_;
  std::vector<Task*> free_;
  std::vector<Task*> ready_;
  std::vector<Task*> waiting_for_locks_;
  std::vector<std::pair<const void*, Task*>> awaiting_;
  std::priority_queue<Sleeper, std::vector<Sleeper>, std::greater<>> sleepers_;
  uint64_t sleeps_ = 0;
  std::unordered_map<const Mutex*, Task*> holders_;
  Task* running_ = nullptr;
};

// Signal wakes the fibers that wait for it.  They look again at what they wait
// for: it may have come and gone.
//
// Thread safety: as the scheduler, which outlives it.
//
// Example:
//   while (!answered) signal.WaitUntil(deadline);
class Signal {
 public:
  explicit Signal(Scheduler& scheduler) : scheduler_(scheduler) {}

  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  void NotifyAll();

  // Waits for a notification or until `time`; false: the time has come.
  bool WaitUntil(UnixNanos time);
  void Wait() { WaitUntil(kNever); }

 private:
  Scheduler& scheduler_;
  // Each with the number of its wait.
  std::vector<std::pair<Scheduler::Task*, uint64_t>> waiting_;
};

// The scheduler's time.
//
// Thread safety: as the scheduler, which outlives it.
class VirtualClock final : public Clock {
 public:
  explicit VirtualClock(Scheduler& scheduler) : scheduler_(scheduler) {}

  UnixNanos Now() const override { return scheduler_.ReadClock(); }

 private:
  Scheduler& scheduler_;
};

}  // namespace latchkey::simulation

#endif  // LATCHKEY_TESTS_SIMULATION_SCHEDULER_H_
