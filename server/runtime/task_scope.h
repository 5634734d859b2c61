// TaskScope is the fan-out of one request: children that run on the threads of
// a pool, inside a lexical scope.
//
// Rules:
//   1. Join() returns when all children have ended, and a scope is joined
//      before it ends: destroyed with children inside, it ends the process.
//   2. The children's token ends with the parent's.  The first error of a child
//      ends it, too, for the others; those that have not begun are not run.
//   3. The thread that joins runs children itself, and idle threads of the pool
//      help.  So a scope never waits for a thread: a pool whose every thread
//      joins a scope goes on.
//
// Thread safety: belongs to one thread, on which Join() may wait for children
// on others: one of the pool, never one of a transport.
//
// Example:
//   TaskScope scope(token, pool, clock);
//   for (Part& part : parts) {
//     scope.Start([&part](DeadlineToken child) { return part.Run(child); });
//   }
//   if (absl::Status s = scope.Join(); !s.ok()) return s;

#ifndef LATCHKEY_SERVER_RUNTIME_TASK_SCOPE_H_
#define LATCHKEY_SERVER_RUNTIME_TASK_SCOPE_H_

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "server/base/clock.h"
#include "server/runtime/deadline.h"
#include "server/runtime/worker_pool.h"

namespace latchkey {

class TaskScope {
 public:
  using Child = std::function<absl::Status(DeadlineToken token)>;

  TaskScope(DeadlineToken parent, WorkerPool& pool, const Clock& clock);
  ~TaskScope();

  TaskScope(const TaskScope&) = delete;
  TaskScope& operator=(const TaskScope&) = delete;

  // Adds a child.  It may begin at once, on another thread.
  void Start(Child child);

  // Waits for all children; returns the first error.  More may be started
  // afterwards, unless there was one.
  absl::Status Join();

 private:
  class Children;

  WorkerPool& pool_;
  ChildDeadline deadline_;
  // Shared with helpers that come too late; they find nothing to do, and touch
  // nothing else of the scope.
  const std::shared_ptr<Children> children_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RUNTIME_TASK_SCOPE_H_
