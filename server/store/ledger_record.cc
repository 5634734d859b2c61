#include "server/store/ledger_record.h"

#include <variant>

#include "server/base/check.h"
#include "server/base/mutant.h"

namespace latchkey {
namespace {

// What the allocator adds.
constexpr size_t kAllocationBytes = 16;

// What a Status costs beside its message: its own allocation and its payload's.
constexpr size_t kStatusBytes = 256;

size_t HeldBytes(const EntryView& view) {
  if (!view.entry) return 0;
  return sizeof(Entry) + view.entry->key().size() + view.entry->value().size();
}

size_t HeldBytes(const OperationResult& result) {
  if (const auto* get = std::get_if<GetResult>(&result)) {
    return HeldBytes(get->found);
  }
  if (const auto* put = std::get_if<PutResult>(&result)) {
    return HeldBytes(put->previous);
  }
  if (const auto* del = std::get_if<DeleteResult>(&result)) {
    return HeldBytes(del->previous);
  }
  return 0;
}

}  // namespace

LedgerRecord::LedgerRecord(const LedgerKey& key, UnixNanos time, uint32_t owner,
                           const Fingerprint& fingerprint, WriteMethod method,
                           const Outcome& outcome)
    : key_(key),
      complete_time_(time),
      owner_(owner),
      method_(method),
      form_(FormOf(method, outcome)),
      fingerprint_(fingerprint) {
  if (outcome.ok()) version_ = outcome->version;
  if (form_ == Form::kNumber) {
    KeepNumber(outcome->results[0]);
  } else {
    detail_ = new Outcome(outcome);
  }
}

LedgerRecord::Outcome LedgerRecord::outcome() const {
  LATCHKEY_CHECK(form_ != Form::kTombstone, "a tombstone has no outcome");
  if (form_ == Form::kDetail && !detail_->ok()) return *detail_;
  TransactionResult result;
  if (form_ == Form::kDetail) {
    result = **detail_;
  } else {
    result.results.push_back(KeptNumber());
  }
  const bool forgets = MutantActive(Mutant::kReplayOfWrongAnswer);
  result.version = forgets ? kNoVersion : version_;
  return result;
}

size_t LedgerRecord::BytesOf(const Outcome* detail) {
  if (detail == nullptr) return kBytesMin;
  size_t bytes = kBytesMin + sizeof(Outcome) + kAllocationBytes;
  if (!detail->ok()) {
    return bytes + kStatusBytes + detail->status().message().size();
  }
  bytes += (*detail)->results.size() * sizeof(OperationResult);
  for (const OperationResult& result : (*detail)->results) {
    bytes += HeldBytes(result);
  }
  return bytes;
}

size_t LedgerRecord::BytesMax(size_t operations, size_t held_bytes) {
  // No message of an error is longer.
  constexpr size_t kMessageBytesMax = 512;
  return kBytesMin + sizeof(Outcome) + kAllocationBytes + kStatusBytes +
         kMessageBytesMax + operations * sizeof(OperationResult) + held_bytes;
}

LedgerRecord::Form LedgerRecord::FormOf(WriteMethod method,
                                        const Outcome& outcome) {
  // A transaction of one operation has an answer of another form.
  if (!outcome.ok() || outcome->results.size() != 1 || !outcome->succeeded ||
      method == WriteMethod::kTransact) {
    return Form::kDetail;
  }
  const OperationResult& result = outcome->results[0];
  const bool number = !std::holds_alternative<GetResult>(result) &&
                      !std::holds_alternative<TransferResult>(result) &&
                      HeldBytes(result) == 0;
  return number ? Form::kNumber : Form::kDetail;
}

void LedgerRecord::KeepNumber(const OperationResult& result) {
  kind_ = static_cast<uint8_t>(result.index() & 7);
  if (const auto* put = std::get_if<PutResult>(&result)) {
    number_ = put->expire_time;
  } else if (const auto* del = std::get_if<DeleteResult>(&result)) {
    was_there_ = del->deleted;
  } else if (const auto* sum = std::get_if<IncrementResult>(&result)) {
    number_ = sum->value;
  } else if (const auto* touch = std::get_if<TouchResult>(&result)) {
    number_ = touch->expire_time;
    was_there_ = touch->touched;
  } else {
    number_ = std::get<MoveResult>(result).expire_time;
  }
}

OperationResult LedgerRecord::KeptNumber() const {
  switch (kind_) {
    case 1:
      return PutResult{.expire_time = number_, .previous = {}};
    case 2:
      return DeleteResult{.deleted = was_there_, .previous = {}};
    case 3:
      return IncrementResult{.value = number_};
    case 4:
      return TouchResult{.touched = was_there_, .expire_time = number_};
    case 5:
      return MoveResult{.expire_time = number_};
    default:
      LATCHKEY_CHECK(false, "only these results are numbers");
  }
}

}  // namespace latchkey
