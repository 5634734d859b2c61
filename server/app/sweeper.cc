#include "server/app/sweeper.h"

namespace latchkey {

void Sweeper::Start() {
  steps_.emplace(executor_, kPause, [this] { return Step(); });
  lease_steps_.emplace(executor_, kLeasePause, [this] {
    return store_.SweepLeases(kLeasesPerStepMax) == kLeasesPerStepMax;
  });
}

bool Sweeper::Step() {
  const size_t removed = store_.SweepExpired(kEntriesPerStepMax);
  const size_t forgotten = store_.SweepLedger(kRecordsPerStepMax);
  const size_t freed = store_.scanner().Sweep(kImagesPerStepMax);
  return removed == kEntriesPerStepMax || forgotten == kRecordsPerStepMax ||
         freed >= kImagesPerStepMax;
}

}  // namespace latchkey
