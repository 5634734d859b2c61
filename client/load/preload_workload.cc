#include "client/load/preload_workload.h"

#include <string>
#include <utility>

namespace latchkey::load {
PreloadWorkload::PreloadWorkload(BatchCursor& cursor, MakePut make_put,
                                 VersionFloors& floors, size_t slots)
    : cursor_(cursor),
      make_put_(std::move(make_put)),
      floors_(floors),
      ranges_(slots) {}

std::optional<Call> PreloadWorkload::Begin(size_t slot) {
  const KeyRange range = cursor_.Next();
  if (range.count == 0) return std::nullopt;
  ranges_[slot] = range;
  request_.clear_puts();
  for (uint64_t i = 0; i < range.count; ++i) {
    make_put_(range.first + i, request_.add_puts());
  }
  return Call{Method::kBatchPut, &request_};
}

Step PreloadWorkload::Continue(size_t slot, const Completion& completion,
                               Tally& tally) {
  if (completion.error != nullptr) {
    tally.CountError(*completion.error);
    return EndOf(OperationKind::kPreload, false);
  }
  const KeyRange& range = ranges_[slot];
  if (!ParseResponse(completion, &response_) ||
      static_cast<uint64_t>(response_.results_size()) != range.count) {
    tally.CountFailure("answer that does not fit its BatchPut",
                       "from key " + std::to_string(range.first));
    return EndOf(OperationKind::kPreload, false);
  }
  for (uint64_t i = 0; i < range.count; ++i) {
    floors_.Raise(range.first + i,
                  response_.results(static_cast<int>(i)).version());
  }
  return EndOf(OperationKind::kPreload, true);
}

}  // namespace latchkey::load
