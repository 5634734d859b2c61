// Sync points are the places where a request looks whether it has ended.  A
// test stops a request at one of them, ends it there, and sees what it does.
//
// Only a build with the CMake option LATCHKEY_MUTANTS has them, as mutant.h;
// in any other ReachSyncPoint() is nothing.  Each call of it stands right
// before a look at the token, and the reading of the clock for it.
//
// Thread safety: ReachSyncPoint() may be called from any thread.  A
// ScopedSyncHook is made and destroyed while no thread runs the code that
// reaches a sync point.
//
// Example:
//   const ScopedSyncHook hook([&](SyncPoint point) {
//     if (point == SyncPoint::kCommit) call.End(EndReason::kClientCancelled);
//   });

#ifndef LATCHKEY_SERVER_BASE_SYNC_POINT_H_
#define LATCHKEY_SERVER_BASE_SYNC_POINT_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>

#if defined(LATCHKEY_MUTANTS) && defined(NDEBUG)
#error "A build that may ship has no sync points."
#endif

namespace latchkey {

enum class SyncPoint : uint8_t {
  // A request is whole, and goes to its handler.
  kArrival,
  // A pool's thread has taken it from the queue.
  kTakenFromQueue,
  // Nothing is locked yet.
  kBeforeFirstLock,
  // All its shards are locked: the commit point.
  kCommit,
  // 64 more keys of a long read.
  kNextKeys,
  // A page of a scan went out, and the next is to be made.
  kNextMessage,
  // What was read is about to be encoded.
  kBeforeEncode,
};
inline constexpr size_t kSyncPoints = 7;

#ifdef LATCHKEY_MUTANTS

using SyncHook = std::function<void(SyncPoint)>;

namespace internal {
// A ScopedSyncHook publishes with release; who reaches a point observes with
// acquire.
inline std::atomic<const SyncHook*> sync_hook = nullptr;
}  // namespace internal

inline void ReachSyncPoint(SyncPoint point) {
  const SyncHook* hook = internal::sync_hook.load(std::memory_order_acquire);
  if (hook != nullptr) (*hook)(point);
}

// Calls a function at each sync point, on the thread that reaches it, for the
// length of a scope.  At kCommit that thread holds shard mutexes.
class [[nodiscard]] ScopedSyncHook {
 public:
  explicit ScopedSyncHook(SyncHook hook) : hook_(std::move(hook)) {
    internal::sync_hook.store(&hook_, std::memory_order_release);
  }
  ~ScopedSyncHook() {
    internal::sync_hook.store(nullptr, std::memory_order_release);
  }

  ScopedSyncHook(const ScopedSyncHook&) = delete;
  ScopedSyncHook& operator=(const ScopedSyncHook&) = delete;

 private:
  const SyncHook hook_;
};

#else

inline void ReachSyncPoint(SyncPoint) {}

#endif  // LATCHKEY_MUTANTS

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_BASE_SYNC_POINT_H_
