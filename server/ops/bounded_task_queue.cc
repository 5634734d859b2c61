#include "server/ops/bounded_task_queue.h"

namespace latchkey {

BoundedTaskQueue::BoundedTaskQueue(size_t threads, size_t waiting_max)
    : places_(static_cast<ptrdiff_t>(waiting_max)) {
  for (size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { Run(); });
  }
}

BoundedTaskQueue::Enqueued BoundedTaskQueue::enqueue(
    std::function<void()> task) {
  places_.acquire();
  {
    MutexLock lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  tasks_ready_.release();
  return static_cast<Enqueued>(true);
}

void BoundedTaskQueue::shutdown() {
  for (size_t i = 0; i < threads_.size(); ++i) enqueue(nullptr);
  for (std::thread& thread : threads_) thread.join();
}

void BoundedTaskQueue::Run() {
  for (;;) {
    tasks_ready_.acquire();
    std::function<void()> task;
    {
      MutexLock lock(mutex_);
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    places_.release();
    if (task == nullptr) return;
    task();
  }
}

}  // namespace latchkey
