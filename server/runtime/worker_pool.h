// WorkerPool is one lane: work that may take long waits in a bounded queue for
// one of a few threads.  Each task carries its request's token.
//
// Rules:
//   1. A task is refused when it is submitted, or told of its fate exactly
//      once: an OK status, and it does its work, or why it must not.
//   2. What ends while it waits is told at once, on the thread that ends it,
//   and
//      its slot is free.  A deadline counts when someone expires the token's
//      source (deadline.h) or when the task is taken from the queue.
//   3. What waits, what runs next and what is refused is up to AdmissionQueue.
//
// The pool has no thread of its own: it posts steps to an Executor, each of one
// task, and never more at a time than it was given threads.  So it runs on a
// manual executor, too, in virtual time.
//
// Thread safety: all methods may be called from any thread, but not with a leaf
// held.
//
// Who may destroy: the pool outlives the executor, which drops its steps, or is
// destroyed when nothing is posted any more; nothing may wait then.
//
// Example:
//   absl::Status refused = pool.Submit(
//       {call.token()}, [&call](const absl::Status& status) {
//         if (status.ok()) Work(call); else call.Fail(status);
//       });

#ifndef LATCHKEY_SERVER_RUNTIME_WORKER_POOL_H_
#define LATCHKEY_SERVER_RUNTIME_WORKER_POOL_H_

#include <cstddef>
#include <functional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "server/base/clock.h"
#include "server/base/executor.h"
#include "server/base/mutex.h"
#include "server/runtime/admission_queue.h"
#include "server/runtime/deadline.h"
#include "server/runtime/lane_metrics.h"

namespace latchkey {

class WorkerPool {
 public:
  using Task = std::function<void(const absl::Status& status)>;

  struct Request {
    // Its source outlives the task.
    DeadlineToken token;
    // Whether an attempt came before this one.
    bool retry = false;
  };

  // `options.servers` is how many steps the executor runs at a time.
  WorkerPool(const AdmissionOptions& options, const Clock& clock,
             Executor& executor);

  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Queues `task`.  With an error it was not, and is told nothing.
  //
  // Errors: the token's end; UNAVAILABLE, OVERLOADED: see NextPushback().
  [[nodiscard]] absl::Status Submit(const Request& request, Task task);

  // Runs `help` on a thread that has nothing to do, or returns false.
  bool RunIfIdle(std::function<void()> help);

  // What a refused client should wait before its next attempt.
  Nanos NextPushback();

  // Tasks that wait.
  size_t depth() const;

  // Steps at a time.
  int threads() const { return threads_; }

  const LaneMetrics& metrics() const { return metrics_; }

 private:
  struct Waiting;

  // Reserves a thread, if one is idle.
  bool TakeThread() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Takes the next task and tells it its fate; then makes another step follow,
  // as long as tasks wait.
  void Step();
  void Tell(Waiting& waiting, const AdmissionQueue::Taken& taken);

  // The token of `waiting` has ended.
  void Abandon(Waiting& waiting);

  // Constant after construction.
  const int threads_;
  const Clock& clock_;
  Executor& executor_;

  // Synchronises itself.
  LaneMetrics metrics_;

  mutable Mutex mutex_;
  AdmissionQueue queue_ ABSL_GUARDED_BY(mutex_);
  // Threads that have a step to do.
  int busy_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RUNTIME_WORKER_POOL_H_
