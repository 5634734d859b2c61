#include "server/app/sweeper.h"

namespace latchkey {

void Sweeper::Start() {
  executor_.PostAfter(kPause, [this] { Step(); });
}

void Sweeper::Step() {
  const size_t removed = store_.SweepExpired(kEntriesPerStepMax);
  const size_t forgotten = store_.SweepLedger(kRecordsPerStepMax);
  const size_t freed = store_.scanner().Sweep(kImagesPerStepMax);
  if (removed == kEntriesPerStepMax || forgotten == kRecordsPerStepMax ||
      freed >= kImagesPerStepMax) {
    executor_.Post([this] { Step(); });
  } else {
    executor_.PostAfter(kPause, [this] { Step(); });
  }
}

}  // namespace latchkey
