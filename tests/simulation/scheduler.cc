#include "tests/simulation/scheduler.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "server/base/check.h"
#include "tests/simulation/draw.h"

namespace latchkey::simulation {
namespace {

constexpr Nanos kStallMin = 10 * kNanosPerMicro;

// How often others are let in, of which a run has one.
constexpr std::array<uint64_t, 4> kSwitchOneIn = {1, 2, 8, 64};

// No run needs so many: one that does never ends.
constexpr uint64_t kStepsMax = 200'000'000;

}  // namespace

struct Scheduler::Task {
  std::string name;
  std::function<void()> body;
  std::unique_ptr<Fiber> fiber;

  // Each wait has a number of its own, so that what would have ended an earlier
  // one does not end this.
  uint64_t wait = 0;
  bool woken = false;
  // What it waits for, or null.
  const Mutex* wanted = nullptr;
  bool ended = false;
  std::vector<std::pair<const Mutex*, LockRank>> held;
  UnixNanos decided_at = 0;
};

struct Scheduler::Sleeper {
  UnixNanos time;
  // Of all sleeps, so that those of one instant have an order.
  uint64_t number;
  Task* task;
  uint64_t wait;

  bool operator>(const Sleeper& other) const {
    return std::tie(time, number) > std::tie(other.time, other.number);
  }
};

Scheduler::Scheduler(const SchedulerOptions& options)
    : options_(options),
      random_(options.seed, 0),
      switch_one_in_(kSwitchOneIn[random_.Below(kSwitchOneIn.size())]) {}

Scheduler::~Scheduler() = default;

void Scheduler::Start(std::string_view name, std::function<void()> body) {
  Task* task = nullptr;
  if (free_.empty()) {
    tasks_.push_back(std::make_unique<Task>());
    task = tasks_.back().get();
    task->fiber = std::make_unique<Fiber>([this, task] { RunBodies(task); });
  } else {
    task = free_.back();
    free_.pop_back();
  }
  task->name = name;
  task->body = std::move(body);
  task->ended = false;
  ready_.push_back(task);
}

void Scheduler::RunBodies(Task* task) {
  while (true) {
    task->body();
    if (!task->held.empty()) Fail(task->name + " ends with a lock");
    // Destroyed on this stack, by the fiber that it was for.
    task->body = nullptr;
    task->ended = true;
    free_.push_back(task);
    Leave();
  }
}

void Scheduler::Run() {
  LATCHKEY_CHECK(running_ == nullptr, "a fiber does not run others");
  internal::scheduling_hook = this;
  running_ = Choose();
  if (running_ != nullptr) Fiber::Switch(main_, *running_->fiber);
  running_ = nullptr;
  internal::scheduling_hook = nullptr;
  ReportStuck();
}

void Scheduler::ReportStuck() {
  for (const auto& task : tasks_) {
    if (task->ended) continue;
    std::string text = "deadlock: " + task->name + " waits";
    if (task->wanted != nullptr) {
      const auto holder = holders_.find(task->wanted);
      text += " for a lock";
      if (holder != holders_.end()) {
        text += " that " + holder->second->name + " holds";
      }
    }
    for (const auto& [mutex, rank] : task->held) {
      text += ", holds rank " + std::to_string(rank);
    }
    Fail(std::move(text));
  }
}

UnixNanos Scheduler::decided_at() const { return running_->decided_at; }

void Scheduler::ForgetDecidedAt() { running_->decided_at = 0; }

UnixNanos Scheduler::ReadClock() {
  if (running_ == nullptr) return now_;
  Point();
  if (!running_->held.empty()) running_->decided_at = now_;
  return now_;
}

void Scheduler::Point() {
  LATCHKEY_CHECK(++steps_ < kStepsMax, "a run ends");
  now_ += kStep;
  if (options_.stall_one_in != 0 && Stalls()) return;
  WakeDue();
  if (ready_.empty()) return;
  if (switch_one_in_ > 1 && random_.Below(switch_one_in_) != 0) return;
  Yield();
}

bool Scheduler::Stalls() {
  if (random_.Below(options_.stall_one_in) != 0) return false;
  ++stalls_;
  WaitFor(DrawNanos(random_, kStallMin, options_.stall_max));
  return true;
}

void Scheduler::WaitUntil(UnixNanos time) {
  AddSleeper(time);
  Leave();
}

void Scheduler::AddSleeper(UnixNanos time) {
  ++running_->wait;
  running_->woken = false;
  if (time != kNever) {
    sleepers_.push({time, ++sleeps_, running_, running_->wait});
  }
}

void Scheduler::Yield() {
  ready_.push_back(running_);
  Leave();
}

void Scheduler::Leave() {
  Task* const left = running_;
  running_ = Choose();
  if (running_ == left) return;
  ++switches_;
  // With nobody left the one who called Run() goes on.
  Fiber::Switch(*left->fiber, running_ != nullptr ? *running_->fiber : main_);
}

Scheduler::Task* Scheduler::Choose() {
  now_ += kStep;
  WakeDue();
  while (ready_.empty()) {
    if (sleepers_.empty()) return nullptr;
    now_ = std::max(now_, sleepers_.top().time);
    WakeDue();
  }
  const size_t chosen = random_.Below(ready_.size());
  Task* const task = ready_[chosen];
  ready_[chosen] = ready_.back();
  ready_.pop_back();
  Mix(chosen);
  Mix(static_cast<uint64_t>(now_));
  return task;
}

void Scheduler::WakeDue() {
  while (!sleepers_.empty() && sleepers_.top().time <= now_) {
    const Sleeper sleeper = sleepers_.top();
    sleepers_.pop();
    if (sleeper.task->wait != sleeper.wait) continue;
    ++sleeper.task->wait;
    ready_.push_back(sleeper.task);
  }
}

void Scheduler::WakeTask(Task* task) {
  ++task->wait;
  task->woken = true;
  ready_.push_back(task);
}

void Scheduler::Note(std::string_view text) {
  for (const char c : text) Mix(static_cast<unsigned char>(c));
}

void Scheduler::Mix(uint64_t value) { trace_ = load::Mix64(trace_ ^ value); }

void Scheduler::Lock(const Mutex& mutex, LockRank rank) {
  CheckOrder(mutex, rank);
  Point();
  while (holders_.contains(&mutex)) {
    ++lock_waits_;
    running_->wanted = &mutex;
    waiting_for_locks_.push_back(running_);
    Leave();
  }
  running_->wanted = nullptr;
  holders_[&mutex] = running_;
  running_->held.emplace_back(&mutex, rank);
}

bool Scheduler::TryLock(const Mutex& mutex, LockRank rank) {
  CheckOrder(mutex, rank);
  Point();
  if (!holders_.emplace(&mutex, running_).second) return false;
  running_->held.emplace_back(&mutex, rank);
  return true;
}

void Scheduler::Unlock(const Mutex& mutex) {
  const auto held =
      std::find_if(running_->held.begin(), running_->held.end(),
                   [&](const auto& each) { return each.first == &mutex; });
  if (held == running_->held.end()) {
    Fail(running_->name + " unlocks what it does not hold");
    return;
  }
  running_->held.erase(held);
  holders_.erase(&mutex);
  // All of them look again, in an order that is drawn.
  std::erase_if(waiting_for_locks_, [&](Task* task) {
    if (task->wanted != &mutex) return false;
    ready_.push_back(task);
    return true;
  });
  Point();
}

bool Scheduler::Holds(const Mutex& mutex) const {
  const auto holder = holders_.find(&mutex);
  return holder != holders_.end() && holder->second == running_;
}

void Scheduler::Await(const void* address) {
  awaiting_.emplace_back(address, running_);
  Leave();
}

void Scheduler::Wake(const void* address) {
  std::erase_if(awaiting_, [&](const auto& each) {
    if (each.first != address) return false;
    ready_.push_back(each.second);
    return true;
  });
  Point();
}

void Scheduler::CheckOrder(const Mutex& mutex, LockRank rank) {
  for (const auto& [held, held_rank] : running_->held) {
    if (held == &mutex) {
      Fail("lock-order: " + running_->name + " locks a mutex twice");
    } else if (held_rank >= rank) {
      Fail("lock-order: " + running_->name + " locks rank " +
           std::to_string(rank) + " while it holds " +
           std::to_string(held_rank));
    }
  }
}

void Scheduler::Fail(std::string text) {
  constexpr size_t kFailuresMax = 20;
  if (failures_.size() < kFailuresMax) failures_.push_back(std::move(text));
}

void Signal::NotifyAll() {
  for (const auto& [task, wait] : std::exchange(waiting_, {})) {
    // Its time may have come already.
    if (task->wait == wait) scheduler_.WakeTask(task);
  }
}

bool Signal::WaitUntil(UnixNanos time) {
  Scheduler::Task* const task = scheduler_.running_;
  scheduler_.AddSleeper(time);
  waiting_.emplace_back(task, task->wait);
  scheduler_.Leave();
  std::erase_if(waiting_, [&](const auto& each) { return each.first == task; });
  return task->woken;
}

}  // namespace latchkey::simulation
