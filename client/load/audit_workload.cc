#include "client/load/audit_workload.h"

#include <string>

namespace latchkey::load {

AuditWorkload::AuditWorkload(AccountBook& book, size_t slots)
    : book_(book),
      cursor_(book.size(), /*entry_bytes_max=*/0),
      ranges_(slots),
      accounts_(book.size()) {}

std::optional<Call> AuditWorkload::Begin(size_t slot) {
  const KeyRange range = cursor_.Next();
  if (range.count == 0) return std::nullopt;
  ranges_[slot] = range;
  request_.clear_keys();
  request_.set_atomic(true);
  for (uint64_t i = 0; i < range.count; ++i) {
    request_.add_keys(book_.names().Name(range.first + i));
  }
  return Call{Method::kBatchGet, &request_};
}

Step AuditWorkload::Continue(size_t slot, const Completion& completion,
                             Tally& tally) {
  if (completion.error != nullptr) {
    tally.CountError(*completion.error);
    return EndOf(OperationKind::kAudit, false);
  }
  const KeyRange& range = ranges_[slot];
  if (!ParseResponse(completion, &response_) ||
      static_cast<uint64_t>(response_.results_size()) != range.count) {
    tally.CountFailure("answer that does not fit its BatchGet",
                       book_.names().Name(range.first));
    return EndOf(OperationKind::kAudit, false);
  }
  for (uint64_t i = 0; i < range.count; ++i) {
    const uint64_t account = range.first + i;
    const auto state =
        book_.CheckAccount(account, book_.floors().At(account),
                           response_.results(static_cast<int>(i)), tally);
    if (state) accounts_[account] = *state;
  }
  return EndOf(OperationKind::kAudit, true);
}

}  // namespace latchkey::load
