#include "server/service/bulk_lane.h"

#include <optional>
#include <utility>

#include "server/base/error.h"
#include "server/rpc/overload.h"
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
  return lane.Submit({.token = call.token(), .retry = IsRetry(call)},
                     std::move(task));
}

bool IsOverloaded(const absl::Status& error) {
  const std::optional<ErrorDetails> details = GetErrorDetails(error);
  return details.has_value() && details->reason == ErrorReason::kOverloaded;
}

void AddPushback(WorkerPool& lane, const absl::Status& error, Call& call) {
  if (IsOverloaded(error)) AddPushback(call, lane.NextPushback());
}

}  // namespace latchkey
