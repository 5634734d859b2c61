// AdmissionMetrics counts what was not run for overload, by its cause, and how
// long calls waited for the thread that runs them.
//
// Thread safety: all methods may be called from any thread.

#ifndef LATCHKEY_SERVER_RPC_ADMISSION_METRICS_H_
#define LATCHKEY_SERVER_RPC_ADMISSION_METRICS_H_

#include <cstddef>
#include <cstdint>

#include "server/base/clock.h"
#include "server/metrics/duration_buckets.h"
#include "server/metrics/metrics_text.h"
#include "server/metrics/thread_cells.h"

namespace latchkey {

// Why a call was refused with OVERLOADED.
enum class ShedCause : uint8_t {
  // AdmissionQueue: too many wait, the deadline would pass, the queue stands.
  kQueueFull,
  kTooLate,
  kQueueDelay,
  // As many calls were in flight as may be, of one connection or in all.
  kLiveCalls,
  // Requests and answers hold as much memory as they may.
  kMemory,
};

class AdmissionMetrics {
 public:
  static constexpr size_t kCauses = 5;

  void CountShed(ShedCause cause) {
    cells_.OfThisThread().Add(static_cast<size_t>(cause), 1);
  }

  // A call that was queued was taken out to run.
  void CountWait(Nanos wait);

  uint64_t shed(ShedCause cause) const {
    return cells_.Sum(static_cast<size_t>(cause));
  }
  uint64_t waits() const;

  // Writes all of it.
  void Collect(MetricsText& text) const;

 private:
  static constexpr size_t kWaitSum = kCauses;
  static constexpr size_t kWaits = kWaitSum + 1;

  ThreadCells cells_{kWaits + kDurationBuckets};
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_ADMISSION_METRICS_H_
