// Mutex is std::mutex with what std::mutex lacks: annotations by which clang
// proves that each guarded field is touched under its lock, and a rank by which
// a debug build proves that locks are taken in one order.
//
// Rank: a mutex is either one of an ordered family (the shards, by index) or a
// leaf.  A thread may lock
//   - a ranked mutex while it holds only ranked mutexes of lower rank;
//   - a leaf while it holds no other leaf.
// With LATCHKEY_RANK_CHECK a lock out of order ends the process at once, also
// where no deadlock happened this time.  server/store/LOCKING.md lists every
// mutex.
//
// Why not absl::Mutex: the packaged abseil runs its own deadlock detector on
// each lock, and the thread sanitizer reports false races on it.
//
// Thread safety: that is what it is for.  A Mutex must be unlocked by the
// thread that locked it, and not be destroyed while it is held.
//
// Example:
//   class Counter {
//     void Add() { MutexLock lock(mutex_); ++count_; }
//     Mutex mutex_;
//     int count_ ABSL_GUARDED_BY(mutex_) = 0;
//   };

#ifndef LATCHKEY_SERVER_BASE_MUTEX_H_
#define LATCHKEY_SERVER_BASE_MUTEX_H_

#include <cstdint>
#include <mutex>

#include "absl/base/thread_annotations.h"

namespace latchkey {

using LockRank = uint32_t;

// The rank of every mutex that is in no ordered family.
inline constexpr LockRank kLeafRank = UINT32_MAX;

class ABSL_LOCKABLE Mutex {
 public:
  // A leaf.
  Mutex() = default;

  // A mutex of an ordered family.  REQUIRES: rank < kLeafRank.
  explicit Mutex(LockRank rank);

  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION();
  void Unlock() ABSL_UNLOCK_FUNCTION();

  // As Lock(), for a mutex that others hold for a few microseconds at most:
  // looks for it for so long before it sleeps, since to sleep and to be woken
  // takes longer than that.
  void LockSpinning() ABSL_EXCLUSIVE_LOCK_FUNCTION();

  // Locks and returns true, where no other thread holds it.
  bool TryLock() ABSL_EXCLUSIVE_TRYLOCK_FUNCTION(true);

  // Where the compiler cannot follow: says, and with LATCHKEY_RANK_CHECK
  // verifies, that the calling thread holds this mutex.
  void AssertHeld() const ABSL_ASSERT_EXCLUSIVE_LOCK();

 private:
  void SpinAndLock();

  std::mutex mutex_;
#ifdef LATCHKEY_RANK_CHECK
  // Locks in order, and notes it; `take` takes mutex_.
  template <typename Take>
  void LockBy(Take take);

  // End the process where this lock would be out of order; note it as held.
  void CheckOrder() const;
  void NoteHeld() const;

  const LockRank rank_ = kLeafRank;
#endif
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

#ifndef LATCHKEY_RANK_CHECK
inline Mutex::Mutex(LockRank) {}
inline void Mutex::Lock() { mutex_.lock(); }
inline void Mutex::LockSpinning() { SpinAndLock(); }
inline void Mutex::Unlock() { mutex_.unlock(); }
inline bool Mutex::TryLock() { return mutex_.try_lock(); }
inline void Mutex::AssertHeld() const {}
#endif

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_BASE_MUTEX_H_
