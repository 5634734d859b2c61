// Mutex is std::mutex with annotations, by which clang proves that each guarded
// field is touched under its lock.
//
// Lock order in client/lib: LogicalCall's mutex, then at most one other; those
// are leaves.  No callback of a user, no call of gRPC and no wait happens under
// any of them, but for ConditionWait, which gives its mutex back.
//
// Why not absl::Mutex: the packaged abseil runs its own deadlock detector on
// each lock, and the thread sanitizer reports false races on it.
//
// Thread safety: that is what it is for.

#ifndef LATCHKEY_CLIENT_LIB_MUTEX_H_
#define LATCHKEY_CLIENT_LIB_MUTEX_H_

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "absl/base/thread_annotations.h"

namespace latchkey::client {

class ABSL_LOCKABLE Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() { mutex_.lock(); }
  void Unlock() ABSL_UNLOCK_FUNCTION() { mutex_.unlock(); }

  // Gives the mutex back until `changed` is notified, or for no reason: the
  // caller waits in a loop on what it waits for.
  void ConditionWait(std::condition_variable& changed)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(this) {
    std::unique_lock<std::mutex> lock(mutex_, std::adopt_lock);
    changed.wait(lock);
    lock.release();
  }

  // As ConditionWait(), but not beyond `until`; false once it has come.
  bool ConditionWaitUntil(std::condition_variable& changed,
                          std::chrono::steady_clock::time_point until)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(this) {
    std::unique_lock<std::mutex> lock(mutex_, std::adopt_lock);
    const std::cv_status status = changed.wait_until(lock, until);
    lock.release();
    return status == std::cv_status::no_timeout;
  }

 private:
  std::mutex mutex_;
};

// Holds a Mutex for the length of a scope.
class [[nodiscard]] ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex)
      : mutex_(mutex) {
    mutex_.Lock();
  }
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mutex_.Unlock(); }

  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

}  // namespace latchkey::client

#endif  // LATCHKEY_CLIENT_LIB_MUTEX_H_
