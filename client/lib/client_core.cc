#include "client/lib/client_core.h"

#include <utility>
#include <vector>

#include "client/lib/logical_call.h"

namespace latchkey::client {

void CallRegistry::Add(const std::shared_ptr<LogicalCall>& call) {
  MutexLock lock(mutex_);
  calls_.emplace(call.get(), call);
}

void CallRegistry::Remove(const LogicalCall* call) {
  MutexLock lock(mutex_);
  calls_.erase(call);
  // Under the lock: whoever waits destroys this object next.
  removed_.notify_all();
}

void CallRegistry::CancelAll() {
  std::vector<std::shared_ptr<LogicalCall>> calls;
  {
    MutexLock lock(mutex_);
    for (const auto& [key, weak] : calls_) {
      // One that is being destroyed right now needs no cancel.
      if (auto call = weak.lock()) calls.push_back(std::move(call));
    }
  }
  for (const auto& call : calls) call->Cancel();
  calls.clear();
  MutexLock lock(mutex_);
  while (!calls_.empty()) mutex_.ConditionWait(removed_);
}

}  // namespace latchkey::client
