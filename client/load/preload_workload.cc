#include "client/load/preload_workload.h"

#include <string>
#include <utility>

namespace latchkey::load {
PreloadWorkload::PreloadWorkload(BatchCursor& cursor, MakePut make_put,
                                 VersionFloors& floors, size_t slots)
    : cursor_(cursor),
      make_put_(std::move(make_put)),
      floors_(floors),
      slots_(slots) {}

std::optional<Call> PreloadWorkload::Begin(size_t slot) {
  const KeyRange range = cursor_.Next();
  if (range.count == 0) return std::nullopt;
  slots_[slot] = {.range = range};
  return Resume(slot);
}

Call PreloadWorkload::Resume(size_t slot) {
  const KeyRange& range = slots_[slot].range;
  request_.clear_puts();
  for (uint64_t i = 0; i < range.count; ++i) {
    make_put_(range.first + i, request_.add_puts());
  }
  return {Method::kBatchPut, &request_};
}

Step PreloadWorkload::Continue(size_t slot, const Completion& completion,
                               Tally& tally) {
  Slot& state = slots_[slot];
  if (completion.error != nullptr) {
    if (completion.error->reason == "OVERLOADED" &&
        ++state.shed <= kShedTriesMax) {
      return RestFor(kShedRest);
    }
    tally.CountError(*completion.error);
    return EndOf(OperationKind::kPreload, false);
  }
  const KeyRange& range = state.range;
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
