// LaneMetrics counts what becomes of the work that waits in one lane.
//
// Thread safety: all methods may be called from any thread.

#ifndef LATCHKEY_SERVER_RUNTIME_LANE_METRICS_H_
#define LATCHKEY_SERVER_RUNTIME_LANE_METRICS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "server/base/clock.h"
#include "server/metrics/duration_buckets.h"
#include "server/metrics/metrics_text.h"
#include "server/metrics/thread_cells.h"

namespace latchkey {

struct LaneFacts;

class LaneMetrics {
 public:
  // Why work was not done.
  enum class Cause : size_t {
    // Refused when it came.
    kRefused,
    // It waited too long in a queue that stood.
    kShed,
    // Its deadline passed or its client cancelled, while it waited.
    kEnded,
  };
  static constexpr size_t kCauses = 3;

  // One piece of work runs that has waited for `wait`.
  void CountRun(Nanos wait);

  void CountDropped(Cause cause) {
    cells_.OfThisThread().Add(static_cast<size_t>(cause), 1);
  }

  uint64_t dropped(Cause cause) const {
    return cells_.Sum(static_cast<size_t>(cause));
  }
  uint64_t runs() const;

 private:
  friend void CollectLanes(std::span<const LaneFacts> lanes, MetricsText& text);

  // The cells: first one for each cause.
  static constexpr size_t kWaitSum = kCauses;
  static constexpr size_t kWaits = kWaitSum + 1;
  static constexpr size_t kCells = kWaits + kDurationBuckets;

  ThreadCells cells_{kCells};
};

// One lane, as it is now.
struct LaneFacts {
  std::string_view name;
  const LaneMetrics& metrics;
  // What waits.
  size_t depth = 0;
};

// Writes all of `lanes`; at most once into a text.
void CollectLanes(std::span<const LaneFacts> lanes, MetricsText& text);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RUNTIME_LANE_METRICS_H_
