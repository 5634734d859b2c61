#include "server/store/ledger_record.h"

#include <cstring>
#include <variant>

#include "server/base/check.h"
#include "server/base/mutant.h"

namespace latchkey {
namespace {

// What a record costs beside itself: its part of a node of the queue's, and its
// buckets, of which there are at most four to a record.
constexpr size_t kPlaceBytes = 6 + 4 * 4;

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

LedgerRecord::LedgerRecord(const HashedKey& scoped_key, UnixNanos time,
                           const Fingerprint& fingerprint, WriteMethod method,
                           const Outcome& outcome)
    : fingerprint_(fingerprint),
      complete_time_(time),
      hash_(static_cast<uint32_t>(scoped_key.hash)),
      key_size_(static_cast<uint16_t>(scoped_key.key.size())),
      method_(method),
      form_(FormOf(method, outcome)) {
  CopyKey(scoped_key.key);
  if (outcome.ok()) version_ = outcome->version;
  if (form_ == Form::kNumbers) {
    kind_ = static_cast<uint8_t>(outcome->results[0].index());
    numbers_ = ToNumbers(outcome->results[0]);
  } else {
    detail_ = new Outcome(outcome);
  }
}

LedgerRecord::LedgerRecord(const HashedKey& scoped_key, UnixNanos time)
    : complete_time_(time),
      hash_(static_cast<uint32_t>(scoped_key.hash)),
      key_size_(static_cast<uint16_t>(scoped_key.key.size())) {
  CopyKey(scoped_key.key);
}

LedgerRecord::~LedgerRecord() {
  if (form_ == Form::kDetail) delete detail_;
  if (key_size_ > kInlineKeyBytes) delete[] key_;
}

void LedgerRecord::CopyKey(std::string_view key) {
  LATCHKEY_CHECK(key.size() <= UINT16_MAX,
                 "the edge bounds idempotency keys and principals");
  char* copy = inline_key_;
  if (key.size() > kInlineKeyBytes) key_ = copy = new char[key.size()];
  std::memcpy(copy, key.data(), key.size());
}

LedgerRecord::Outcome LedgerRecord::outcome() const {
  LATCHKEY_CHECK(form_ != Form::kTombstone, "a tombstone has no outcome");
  if (form_ == Form::kDetail && !detail_->ok()) return *detail_;
  TransactionResult result;
  if (form_ == Form::kDetail) {
    result = **detail_;
  } else {
    result.results.push_back(FromNumbers(kind_, numbers_));
  }
  const bool forgets = MutantActive(Mutant::kReplayOfWrongAnswer);
  result.version = forgets ? kNoVersion : version_;
  return result;
}

size_t LedgerRecord::bytes() const {
  return BytesOf(key_size_, form_ == Form::kDetail ? detail_ : nullptr);
}

size_t LedgerRecord::BytesOf(const HashedKey& scoped_key, WriteMethod method,
                             const Outcome& outcome) {
  const bool detail = FormOf(method, outcome) == Form::kDetail;
  return BytesOf(scoped_key.key.size(), detail ? &outcome : nullptr);
}

size_t LedgerRecord::BytesOfTombstone(const HashedKey& scoped_key) {
  return BytesOf(scoped_key.key.size(), nullptr);
}

size_t LedgerRecord::BytesOf(size_t key_size, const Outcome* detail) {
  size_t bytes = sizeof(LedgerRecord) + kPlaceBytes;
  if (key_size > kInlineKeyBytes) bytes += key_size + kAllocationBytes;
  if (detail == nullptr) return bytes;
  bytes += sizeof(Outcome) + kAllocationBytes;
  if (!detail->ok()) {
    return bytes + kStatusBytes + detail->status().message().size();
  }
  bytes += (*detail)->results.size() * sizeof(OperationResult);
  for (const OperationResult& result : (*detail)->results) {
    bytes += HeldBytes(result);
  }
  return bytes;
}

LedgerRecord::Form LedgerRecord::FormOf(WriteMethod method,
                                        const Outcome& outcome) {
  // A transaction of one operation has an answer of another form.
  if (!outcome.ok() || outcome->results.size() != 1 || !outcome->succeeded ||
      method == WriteMethod::kTransact) {
    return Form::kDetail;
  }
  const OperationResult& result = outcome->results[0];
  const bool numbers =
      !std::holds_alternative<GetResult>(result) && HeldBytes(result) == 0;
  return numbers ? Form::kNumbers : Form::kDetail;
}

LedgerRecord::Numbers LedgerRecord::ToNumbers(const OperationResult& result) {
  struct Visitor {
    Numbers operator()(const GetResult&) { return {}; }
    Numbers operator()(const PutResult& put) { return {put.expire_time}; }
    Numbers operator()(const DeleteResult& del) {
      return {del.deleted ? 1 : 0};
    }
    Numbers operator()(const IncrementResult& increment) {
      return {increment.value};
    }
    Numbers operator()(const TouchResult& touch) {
      return {touch.expire_time, touch.touched ? 1 : 0};
    }
    Numbers operator()(const MoveResult& move) { return {move.expire_time}; }
    Numbers operator()(const TransferResult& transfer) {
      return {transfer.source_value, transfer.destination_value};
    }
  };
  return std::visit(Visitor{}, result);
}

OperationResult LedgerRecord::FromNumbers(size_t kind, const Numbers& n) {
  switch (kind) {
    case 1:
      return PutResult{.expire_time = n.a, .previous = {}};
    case 2:
      return DeleteResult{.deleted = n.a != 0, .previous = {}};
    case 3:
      return IncrementResult{.value = n.a};
    case 4:
      return TouchResult{.touched = n.b != 0, .expire_time = n.a};
    case 5:
      return MoveResult{.expire_time = n.a};
    case 6:
      return TransferResult{.source_value = n.a, .destination_value = n.b};
    default:
      LATCHKEY_CHECK(false, "only these results are numbers");
  }
}

}  // namespace latchkey
