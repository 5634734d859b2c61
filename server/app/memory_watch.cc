#include "server/app/memory_watch.h"

namespace latchkey {

MemoryWatch::MemoryWatch(Store& store, Executor& executor)
    : store_(store),
      executor_(executor),
      limit_(store.memory(), memory_.Read().resident_bytes) {}

void MemoryWatch::Start() {
  steps_.emplace(executor_, kPause, [this] { return Step(); });
}

bool MemoryWatch::Step() {
  limit_.Look(memory_.Read().resident_bytes);
  return store_.ShrinkToUsable(kEntriesPerStepMax) >= kEntriesPerStepMax;
}

}  // namespace latchkey
