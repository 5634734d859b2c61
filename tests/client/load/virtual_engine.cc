#include "tests/client/load/virtual_engine.h"

#include <algorithm>

namespace latchkey::load {

void VirtualEngine::Start(size_t slot, const Call& call) {
  ++calls_;
  Reply reply = server_(call.method, call.request->SerializeAsString(), now_);
  const Nanos at = reply.at;
  under_way_.emplace(at, std::make_pair(slot, std::move(reply)));
  in_flight_max_ = std::max(in_flight_max_, under_way_.size());
}

void VirtualEngine::Cancel(size_t slot) {
  const auto found = std::find_if(
      under_way_.begin(), under_way_.end(),
      [slot](const auto& one) { return one.second.first == slot; });
  if (found == under_way_.end()) return;
  under_way_.erase(found);
  Reply cancelled;
  cancelled.error.emplace();
  cancelled.error->code = grpc::StatusCode::CANCELLED;
  cancelled.error->code_name = "CANCELLED";
  under_way_.emplace(now_, std::make_pair(slot, std::move(cancelled)));
}

std::optional<Completion> VirtualEngine::Poll(Nanos until) {
  if (under_way_.empty() || under_way_.begin()->first > until) {
    now_ = std::max(now_, until);
    return std::nullopt;
  }
  const auto first = under_way_.begin();
  now_ = std::max(now_, first->first);
  const size_t slot = first->second.first;
  last_ = std::move(first->second.second);
  under_way_.erase(first);
  return Completion{.slot = slot,
                    .error = last_.error ? &*last_.error : nullptr,
                    .response = last_.response,
                    .outcome = last_.outcome,
                    .attempts = last_.attempts,
                    .hedges = last_.hedges,
                    .replayed = last_.replayed,
                    .idempotency_key = last_.idempotency_key};
}

}  // namespace latchkey::load
