#include "server/service/bulk_lane.h"

#include <optional>
#include <string>
#include <utility>

#include "server/base/error.h"
#include "server/service/element_count.h"

namespace latchkey {

bool IsForBulkLane(std::string_view bytes, std::span<const int> lists,
                   size_t operations_max) {
  if (lists.empty()) return false;
  if (bytes.size() > kPointBytesMax) return true;
  size_t operations = 0;
  for (const int number : lists) operations += CountElements(bytes, number);
  return operations > operations_max;
}

absl::Status SubmitToLane(WorkerPool& lane, const Call& call,
                          WorkerPool::Task task) {
  const auto attempts = call.FindMetadata("grpc-previous-rpc-attempts");
  const bool retry = attempts.has_value() && *attempts != "0";
  return lane.Submit({.token = call.token(), .retry = retry}, std::move(task));
}

bool IsOverloaded(const absl::Status& error) {
  const std::optional<ErrorDetails> details = GetErrorDetails(error);
  return details.has_value() && details->reason == ErrorReason::kOverloaded;
}

void AddPushback(WorkerPool& lane, const absl::Status& error, Call& call) {
  if (!IsOverloaded(error)) return;
  const Nanos ms = (lane.NextPushback() + kNanosPerMilli - 1) / kNanosPerMilli;
  call.AddTrailer("grpc-retry-pushback-ms", std::to_string(ms));
}

}  // namespace latchkey
