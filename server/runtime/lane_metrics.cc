#include "server/runtime/lane_metrics.h"

#include <array>

namespace latchkey {
namespace {

constexpr std::array<std::string_view, LaneMetrics::kCauses> kCauseNames = {
    "refused", "shed", "ended"};

}  // namespace

void LaneMetrics::CountRun(Nanos wait) {
  const ThreadCells::Row row = cells_.OfThisThread();
  row.Add(kWaits + DurationBucket(wait), 1);
  row.Add(kWaitSum, static_cast<uint64_t>(wait));
}

uint64_t LaneMetrics::runs() const {
  uint64_t sum = 0;
  for (size_t i = 0; i < kDurationBuckets; ++i) sum += cells_.Sum(kWaits + i);
  return sum;
}

void CollectLanes(std::span<const LaneFacts> lanes, MetricsText& text) {
  text.Family("latchkey_lane_queue_depth", MetricType::kGauge,
              "Work that waits for a thread, by lane.");
  for (const LaneFacts& lane : lanes) {
    text.Sample({{"lane", lane.name}}, lane.depth);
  }
  text.Family("latchkey_lane_queue_wait_seconds", MetricType::kHistogram,
              "How long work waited that was then run, by lane.");
  for (const LaneFacts& lane : lanes) {
    const ThreadCells& cells = lane.metrics.cells_;
    std::array<uint64_t, kDurationBuckets> waits;
    for (size_t i = 0; i < waits.size(); ++i) {
      waits[i] = cells.Sum(LaneMetrics::kWaits + i);
    }
    text.Durations({{"lane", lane.name}}, waits,
                   static_cast<Nanos>(cells.Sum(LaneMetrics::kWaitSum)));
  }
  text.Family(
      "latchkey_lane_dropped_total", MetricType::kCounter,
      "Work that was not run, by lane: refused when it came, shed after "
      "it had waited too long, or ended by its deadline or its client "
      "while it waited.");
  for (const LaneFacts& lane : lanes) {
    for (size_t i = 0; i < LaneMetrics::kCauses; ++i) {
      const auto cause = static_cast<LaneMetrics::Cause>(i);
      text.Sample({{"lane", lane.name}, {"cause", kCauseNames[i]}},
                  lane.metrics.dropped(cause));
    }
  }
}

}  // namespace latchkey
