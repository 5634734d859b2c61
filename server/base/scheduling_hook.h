// SchedulingHook is how a simulation (tests/simulation) decides who runs next,
// of many fibers on one thread.  Every Mutex of a thread that has a hook asks
// the hook instead of a std::mutex.  What else the server waits for, it waits
// for by the functions below; and SchedulingPoint() marks those places without
// a lock where it matters who goes first.
//
// Only a build with the CMake option LATCHKEY_SIMULATION has it.  In any other
// these functions are what they stand for, and SchedulingPoint() is nothing.
//
// Thread safety: a thread's hook is set and used by that thread only.

#ifndef LATCHKEY_SERVER_BASE_SCHEDULING_HOOK_H_
#define LATCHKEY_SERVER_BASE_SCHEDULING_HOOK_H_

#if defined(LATCHKEY_SIMULATION) && defined(NDEBUG)
#error "A build that may ship has no simulation."
#endif

#include <atomic>
#include <thread>

#ifdef LATCHKEY_SIMULATION

#include "server/base/mutex.h"

namespace latchkey {

class SchedulingHook {
 public:
  virtual ~SchedulingHook() = default;

  // Returns when whoever runs on this thread holds `mutex`.
  virtual void Lock(const Mutex& mutex, LockRank rank) = 0;
  virtual bool TryLock(const Mutex& mutex, LockRank rank) = 0;
  virtual void Unlock(const Mutex& mutex) = 0;
  virtual bool Holds(const Mutex& mutex) const = 0;

  // Returns when somebody has called Wake() with this address.
  virtual void Await(const void* address) = 0;
  virtual void Wake(const void* address) = 0;

  // Others may run now.
  virtual void Point() = 0;

  // Who runs.
  virtual const void* Current() const = 0;
};

namespace internal {
inline thread_local SchedulingHook* scheduling_hook = nullptr;
}  // namespace internal

inline void SchedulingPoint() {
  if (internal::scheduling_hook != nullptr) internal::scheduling_hook->Point();
}

// As atomic.wait(): returns when it is not `old` any more.
template <typename T>
void AwaitChange(const std::atomic<T>& atomic, T old, std::memory_order order) {
  if (internal::scheduling_hook == nullptr) return atomic.wait(old, order);
  while (atomic.load(order) == old) internal::scheduling_hook->Await(&atomic);
}

// As atomic.notify_all().
template <typename T>
void TellChange(std::atomic<T>& atomic) {
  if (internal::scheduling_hook == nullptr) return atomic.notify_all();
  internal::scheduling_hook->Wake(&atomic);
}

// A thread, or a fiber of it.
struct RunnerId {
  std::thread::id thread;
  const void* fiber = nullptr;

  friend bool operator==(const RunnerId&, const RunnerId&) = default;
};

inline RunnerId CurrentRunner() {
  return {std::this_thread::get_id(),
          internal::scheduling_hook == nullptr
              ? nullptr
              : internal::scheduling_hook->Current()};
}

}  // namespace latchkey

#else

namespace latchkey {

constexpr void SchedulingPoint() {}

template <typename T>
void AwaitChange(const std::atomic<T>& atomic, T old, std::memory_order order) {
  atomic.wait(old, order);
}

template <typename T>
void TellChange(std::atomic<T>& atomic) {
  atomic.notify_all();
}

using RunnerId = std::thread::id;

inline RunnerId CurrentRunner() { return std::this_thread::get_id(); }

}  // namespace latchkey

#endif  // LATCHKEY_SIMULATION

#endif  // LATCHKEY_SERVER_BASE_SCHEDULING_HOOK_H_
