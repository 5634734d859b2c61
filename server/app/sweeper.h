// Sweeper gives the memory of expired entries, of outlived ledger records and
// of snapshots that nobody reads back, and ends leases in time, in steps of
// bounded length on an executor of background work.
//
// Thread safety: Start() once; the rest happens on the executor, until the
// sweeper's end.

#ifndef LATCHKEY_SERVER_APP_SWEEPER_H_
#define LATCHKEY_SERVER_APP_SWEEPER_H_

#include <cstddef>
#include <optional>

#include "server/base/clock.h"
#include "server/base/executor.h"
#include "server/runtime/periodic.h"
#include "server/store/store.h"

namespace latchkey {

class Sweeper {
 public:
  // What one step removes at most: a fraction of a millisecond of work.
  static constexpr size_t kEntriesPerStepMax = 1'000;
  static constexpr size_t kRecordsPerStepMax = 1'000;
  static constexpr size_t kImagesPerStepMax = 1'000;

  static constexpr size_t kLeasesPerStepMax = 1'000;

  // The pause after a step that left nothing behind.
  static constexpr Nanos kPause = 100 * kNanosPerMilli;

  // How late who waits for a lease may learn of its end.
  static constexpr Nanos kLeasePause = 10 * kNanosPerMilli;

  Sweeper(Store& store, Executor& executor)
      : store_(store), executor_(executor) {}

  Sweeper(const Sweeper&) = delete;
  Sweeper& operator=(const Sweeper&) = delete;

  void Start();

 private:
  // Returns whether it left something behind.
  bool Step();

  Store& store_;
  Executor& executor_;
  std::optional<Periodic> steps_;
  std::optional<Periodic> lease_steps_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_APP_SWEEPER_H_
