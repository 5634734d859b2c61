#include "server/base/mutex.h"

#include "server/base/check.h"
#include "server/base/scheduling_hook.h"

namespace latchkey {

namespace {

// How often a spinning thread looks, and how long it pauses before each look:
// 3 us in all where a pause takes 15 ns, and 10 us where it takes 50.
constexpr int kLooks = 50;
constexpr int kPausesPerLook = 4;

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

void Mutex::SpinAndLock() {
  for (int i = 0; i < kLooks; ++i) {
    for (int j = 0; j < kPausesPerLook; ++j) Pause();
    if (mutex_.try_lock()) return;
  }
  mutex_.lock();
}

#ifdef LATCHKEY_RANK_CHECK

namespace {

// More than all shards and a leaf.
constexpr int kHeldMax = 320;

// What the calling thread holds, in the order of locking.
struct Held {
  const Mutex* mutexes[kHeldMax];
  LockRank ranks[kHeldMax];
  int count = 0;
};

thread_local Held held;

}  // namespace

Mutex::Mutex(LockRank rank) : rank_(rank) {
  LATCHKEY_CHECK(rank < kLeafRank, "kLeafRank belongs to leaves");
}

void Mutex::CheckOrder() const {
  for (int i = 0; i < held.count; ++i) {
    LATCHKEY_CHECK(held.mutexes[i] != this, "a thread locks a mutex once");
    LATCHKEY_CHECK(held.ranks[i] < rank_,
                   "mutexes are locked in ascending rank, leaves last");
  }
  LATCHKEY_CHECK(held.count < kHeldMax, "a thread holds few mutexes");
}

void Mutex::NoteHeld() const {
  held.mutexes[held.count] = this;
  held.ranks[held.count] = rank_;
  ++held.count;
}

template <typename Take>
void Mutex::LockBy(Take take) {
#ifdef LATCHKEY_SIMULATION
  if (internal::scheduling_hook != nullptr) {
    internal::scheduling_hook->Lock(*this, rank_);
    return;
  }
#endif
  CheckOrder();
  take();
  NoteHeld();
}

void Mutex::Lock() {
  LockBy([this] { mutex_.lock(); });
}

void Mutex::LockSpinning() {
  LockBy([this] { SpinAndLock(); });
}

bool Mutex::TryLock() {
#ifdef LATCHKEY_SIMULATION
  if (internal::scheduling_hook != nullptr) {
    return internal::scheduling_hook->TryLock(*this, rank_);
  }
#endif
  CheckOrder();
  if (!mutex_.try_lock()) return false;
  NoteHeld();
  return true;
}

void Mutex::Unlock() {
#ifdef LATCHKEY_SIMULATION
  if (internal::scheduling_hook != nullptr) {
    internal::scheduling_hook->Unlock(*this);
    return;
  }
#endif
  int i = held.count - 1;
  while (i >= 0 && held.mutexes[i] != this) --i;
  LATCHKEY_CHECK(i >= 0, "a thread unlocks what it holds");
  for (; i + 1 < held.count; ++i) {
    held.mutexes[i] = held.mutexes[i + 1];
    held.ranks[i] = held.ranks[i + 1];
  }
  --held.count;
  mutex_.unlock();
}

void Mutex::AssertHeld() const {
#ifdef LATCHKEY_SIMULATION
  if (internal::scheduling_hook != nullptr) {
    LATCHKEY_CHECK(internal::scheduling_hook->Holds(*this),
                   "the calling fiber holds this mutex");
    return;
  }
#endif
  for (int i = 0; i < held.count; ++i) {
    if (held.mutexes[i] == this) return;
  }
  LATCHKEY_CHECK(false, "the calling thread holds this mutex");
}

#endif  // LATCHKEY_RANK_CHECK

}  // namespace latchkey
