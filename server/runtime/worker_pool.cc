#include "server/runtime/worker_pool.h"

#include <memory>
#include <optional>
#include <utility>

#include "server/base/sync_point.h"

namespace latchkey {

// The queue links these; whoever takes one out of it owns it.
struct WorkerPool::Waiting : AdmissionQueue::Item {
  Waiting(DeadlineToken token_in, Task task_in)
      : token(token_in), task(std::move(task_in)) {}

  const DeadlineToken token;
  const Task task;
  // Last, so that nothing is told of an end while the others go.
  std::optional<EndSubscription> subscription;
};

WorkerPool::WorkerPool(const AdmissionOptions& options, const Clock& clock,
                       Executor& executor)
    : threads_(options.servers),
      clock_(clock),
      executor_(executor),
      queue_(options) {}

absl::Status WorkerPool::Submit(const Request& request, Task task) {
  auto waiting = std::make_unique<Waiting>(request.token, std::move(task));
  // Before it is queued: an end from here on finds it there, or the queue finds
  // the end.
  waiting->subscription.emplace(
      request.token, [this, waiting = waiting.get()] { Abandon(*waiting); });
  const UnixNanos now = clock_.Now();
  AdmissionQueue::Verdict verdict;
  bool step = false;
  {
    MutexLock lock(mutex_);
    verdict = queue_.Offer(
        *waiting,
        {.token = request.token, .arrival = now, .retry = request.retry}, now);
    if (verdict == AdmissionQueue::Verdict::kQueued) {
      // From now on it belongs to who takes it out.
      static_cast<void>(waiting.release());
      step = TakeThread();
    }
  }
  if (step) executor_.Post([this] { Step(); });
  switch (verdict) {
    case AdmissionQueue::Verdict::kQueued:
      return absl::OkStatus();
    case AdmissionQueue::Verdict::kEnded:
      metrics_.CountDropped(LaneMetrics::Cause::kEnded);
      return EndedError(request.token.Check(now), DeadlineStage::kQueue);
    case AdmissionQueue::Verdict::kFull:
    case AdmissionQueue::Verdict::kTooLate:
    case AdmissionQueue::Verdict::kOverloaded:
      break;
  }
  metrics_.CountDropped(LaneMetrics::Cause::kRefused);
  return OverloadedError();
}

bool WorkerPool::RunIfIdle(std::function<void()> help) {
  {
    MutexLock lock(mutex_);
    if (!TakeThread()) return false;
  }
  executor_.Post([this, help = std::move(help)] {
    help();
    Step();
  });
  return true;
}

Nanos WorkerPool::NextPushback() {
  MutexLock lock(mutex_);
  return queue_.NextPushback();
}

size_t WorkerPool::depth() const {
  MutexLock lock(mutex_);
  return queue_.size();
}

bool WorkerPool::TakeThread() {
  if (busy_ == threads_) return false;
  ++busy_;
  return true;
}

void WorkerPool::Step() {
  std::unique_ptr<Waiting> waiting;
  AdmissionQueue::Taken taken;
  {
    MutexLock lock(mutex_);
    taken = queue_.Take(clock_.Now());
    if (!taken) {
      --busy_;
      return;
    }
    waiting.reset(static_cast<Waiting*>(taken.item));
  }
  // Waits where the end is being told just now, and finds it not queued.
  waiting->subscription.reset();
  Tell(*waiting, taken);
  waiting.reset();
  executor_.Post([this] { Step(); });
}

void WorkerPool::Tell(Waiting& waiting, const AdmissionQueue::Taken& taken) {
  if (taken.fate == AdmissionQueue::Fate::kShed) {
    metrics_.CountDropped(LaneMetrics::Cause::kShed);
    waiting.task(OverloadedError());
    return;
  }
  ReachSyncPoint(SyncPoint::kTakenFromQueue);
  const UnixNanos begin = clock_.Now();
  const EndReason end = taken.fate == AdmissionQueue::Fate::kEnded
                            ? taken.end
                            : waiting.token.Check(begin);
  if (end != EndReason::kNone) {
    metrics_.CountDropped(LaneMetrics::Cause::kEnded);
    waiting.task(EndedError(end, DeadlineStage::kQueue));
    return;
  }
  metrics_.CountRun(begin - waiting.arrival());
  waiting.task(absl::OkStatus());
  const Nanos time = clock_.Now() - begin;
  MutexLock lock(mutex_);
  queue_.CountService(time);
}

void WorkerPool::Abandon(Waiting& waiting) {
  {
    MutexLock lock(mutex_);
    if (!waiting.queued()) return;
    queue_.Remove(waiting);
  }
  const std::unique_ptr<Waiting> owner(&waiting);
  metrics_.CountDropped(LaneMetrics::Cause::kEnded);
  waiting.task(
      EndedError(waiting.token.Check(clock_.Now()), DeadlineStage::kQueue));
}

}  // namespace latchkey
