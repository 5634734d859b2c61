// SchedulingHook is how a simulation (tests/simulation) decides who runs next.
// Every Mutex of a thread that has a hook asks the hook instead of a
// std::mutex, and SchedulingPoint() marks those places without a lock where it
// matters who goes first.
//
// Only a build with the CMake option LATCHKEY_SIMULATION has it.  In any other
// SchedulingPoint() is nothing to the compiler.
//
// Thread safety: a thread's hook is set and used by that thread only.

#ifndef LATCHKEY_SERVER_BASE_SCHEDULING_HOOK_H_
#define LATCHKEY_SERVER_BASE_SCHEDULING_HOOK_H_

#if defined(LATCHKEY_SIMULATION) && defined(NDEBUG)
#error "A build that may ship has no simulation."
#endif

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

  // Others may run now.
  virtual void Point() = 0;
};

namespace internal {
inline thread_local SchedulingHook* scheduling_hook = nullptr;
}  // namespace internal

inline void SchedulingPoint() {
  if (internal::scheduling_hook != nullptr) internal::scheduling_hook->Point();
}

}  // namespace latchkey

#else

namespace latchkey {

constexpr void SchedulingPoint() {}

}  // namespace latchkey

#endif  // LATCHKEY_SIMULATION

#endif  // LATCHKEY_SERVER_BASE_SCHEDULING_HOOK_H_
