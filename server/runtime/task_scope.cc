#include "server/runtime/task_scope.h"

#include <atomic>
#include <deque>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "server/base/check.h"
#include "server/base/mutex.h"
#include "server/base/scheduling_hook.h"

namespace latchkey {

class TaskScope::Children {
 public:
  // Both outlive all children.
  Children(ChildDeadline& deadline, const Clock& clock)
      : deadline_(deadline), clock_(clock) {}

  void Add(Child child) {
    unfinished_.fetch_add(1, std::memory_order_relaxed);
    MutexLock lock(mutex_);
    waiting_.push_back(std::move(child));
  }

  // Runs children until none waits.
  void RunAll() {
    while (RunOne()) {
    }
  }

  // Waits for those that run on other threads.
  void WaitForAll() const {
    int unfinished = unfinished_.load(std::memory_order_acquire);
    while (unfinished != 0) {
      AwaitChange(unfinished_, unfinished, std::memory_order_acquire);
      unfinished = unfinished_.load(std::memory_order_acquire);
    }
  }

  bool all_finished() const {
    return unfinished_.load(std::memory_order_acquire) == 0;
  }

  absl::Status first_error() const {
    MutexLock lock(mutex_);
    return first_error_;
  }

 private:
  bool RunOne() {
    {
      Child child;
      {
        MutexLock lock(mutex_);
        if (waiting_.empty()) return false;
        child = std::move(waiting_.front());
        waiting_.pop_front();
      }
      const DeadlineToken token = deadline_.token();
      const EndReason end = token.Check(clock_.Now());
      Note(end == EndReason::kNone
               ? child(token)
               : EndedError(end, DeadlineStage::kBeforeCommit));
    }
    SchedulingPoint();
    // The last touch of the scope: Join() may return.
    unfinished_.fetch_sub(1, std::memory_order_release);
    TellChange(unfinished_);
    return true;
  }

  void Note(absl::Status status) {
    if (status.ok()) return;
    {
      MutexLock lock(mutex_);
      if (!first_error_.ok()) return;
      first_error_ = std::move(status);
    }
    deadline_.End(EndReason::kSiblingFailed);
  }

  // Touched only by who runs a child; the clock's and deadline's owner waits
  // for that.
  ChildDeadline& deadline_;
  const Clock& clock_;

  // Synchronises itself.  Who has run a child subtracts with release; who joins
  // observes with acquire.
  std::atomic<int> unfinished_ = 0;

  mutable Mutex mutex_;
  std::deque<Child> waiting_ ABSL_GUARDED_BY(mutex_);
  absl::Status first_error_ ABSL_GUARDED_BY(mutex_);
};

TaskScope::TaskScope(DeadlineToken parent, WorkerPool& pool, const Clock& clock)
    : pool_(pool),
      deadline_(parent),
      children_(std::make_shared<Children>(deadline_, clock)) {}

TaskScope::~TaskScope() {
  LATCHKEY_CHECK(children_->all_finished(), "a scope is joined before its end");
}

void TaskScope::Start(Child child) {
  children_->Add(std::move(child));
  pool_.RunIfIdle([children = children_] { children->RunAll(); });
}

absl::Status TaskScope::Join() {
  children_->RunAll();
  children_->WaitForAll();
  return children_->first_error();
}

}  // namespace latchkey
