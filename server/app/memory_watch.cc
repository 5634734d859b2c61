#include "server/app/memory_watch.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

namespace latchkey {

MemoryWatch::MemoryWatch(Store& store, Executor& executor)
    : store_(store),
      executor_(executor),
      // Kept, so that a process out of descriptors does not look away.
      statm_(open("/proc/self/statm", O_RDONLY | O_CLOEXEC)),
      limit_(store.memory(), ResidentBytes()) {}

MemoryWatch::~MemoryWatch() {
  steps_.reset();
  if (statm_ >= 0) close(statm_);
}

void MemoryWatch::Start() {
  if (statm_ < 0) return;
  steps_.emplace(executor_, kPause, [this] { return Step(); });
}

bool MemoryWatch::Step() {
  limit_.Look(ResidentBytes());
  return store_.ShrinkToUsable(kEntriesPerStepMax) >= kEntriesPerStepMax;
}

size_t MemoryWatch::ResidentBytes() const {
  // The second of some numbers, in pages.
  char text[128];
  const ssize_t size = pread(statm_, text, sizeof(text) - 1, 0);
  if (size <= 0) return 0;
  text[size] = '\0';
  char* end = nullptr;
  std::strtoull(text, &end, 10);
  return std::strtoull(end, nullptr, 10) *
         static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace latchkey
