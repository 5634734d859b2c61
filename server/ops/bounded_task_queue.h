// BoundedTaskQueue runs the HTTP library's tasks, one for each connection, on a
// fixed number of threads.  Where all of them are busy and as many tasks wait
// as may, the one who brings another waits: that is the library's thread that
// accepts connections.
//
// Thread safety: as the library wants it: one thread calls enqueue(), then
// shutdown().

#ifndef LATCHKEY_SERVER_OPS_BOUNDED_TASK_QUEUE_H_
#define LATCHKEY_SERVER_OPS_BOUNDED_TASK_QUEUE_H_

#include <httplib.h>

#include <cstddef>
#include <deque>
#include <functional>
#include <semaphore>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "server/base/mutex.h"

namespace latchkey {

class BoundedTaskQueue final : public httplib::TaskQueue {
 public:
  BoundedTaskQueue(size_t threads, size_t waiting_max);

  // Older releases of the library expect nothing, later ones whether the task
  // was taken.
  using Enqueued = decltype(std::declval<httplib::TaskQueue&>().enqueue({}));

  Enqueued enqueue(std::function<void()> task) override;

  // Runs what waits, and ends the threads.
  void shutdown() override;

 private:
  void Run();

  // Synchronise themselves: free places, and tasks that wait.
  std::counting_semaphore<> places_;
  std::counting_semaphore<> tasks_ready_{0};

  Mutex mutex_;
  // An empty task ends a thread.
  std::deque<std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);

  std::vector<std::thread> threads_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_OPS_BOUNDED_TASK_QUEUE_H_
