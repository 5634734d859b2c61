// MemoryWatch looks again and again at what the process holds in memory, and
// has the store hold less where that is too much (ResidentLimit).
//
// Thread safety: Start() once; the rest happens on the executor, until the
// watch's end.

#ifndef LATCHKEY_SERVER_APP_MEMORY_WATCH_H_
#define LATCHKEY_SERVER_APP_MEMORY_WATCH_H_

#include <cstddef>
#include <optional>

#include "server/base/clock.h"
#include "server/base/executor.h"
#include "server/ops/process_memory.h"
#include "server/runtime/periodic.h"
#include "server/store/resident_limit.h"
#include "server/store/store.h"

namespace latchkey {

class MemoryWatch {
 public:
  // How long memory may grow unseen.  A look costs some microseconds.
  static constexpr Nanos kPause = 20 * kNanosPerMilli;

  // What one step evicts at most: a fraction of a millisecond of work.
  static constexpr size_t kEntriesPerStepMax = 1'000;

  // What the process holds by now is not counted as the store's.
  MemoryWatch(Store& store, Executor& executor);

  MemoryWatch(const MemoryWatch&) = delete;
  MemoryWatch& operator=(const MemoryWatch&) = delete;

  void Start();

 private:
  // Returns whether more is to be evicted.
  bool Step();

  Store& store_;
  Executor& executor_;
  const ProcessMemory memory_;
  ResidentLimit limit_;
  std::optional<Periodic> steps_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_APP_MEMORY_WATCH_H_
