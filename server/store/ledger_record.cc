#include "server/store/ledger_record.h"

#include <cstring>
#include <new>
#include <utility>
#include <variant>

#include "server/base/check.h"
#include "server/base/mutant.h"

namespace latchkey {
namespace {

// What a record costs beside its own allocation: the allocator's header, a slot
// of the table at its usual load, a place in the queue.
constexpr size_t kPlaceBytes = 16 + 16 + 8;

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

// The two numbers of a result that is no more than that, and the way back.
struct Numbers {
  int64_t a = 0;
  int64_t b = 0;
};

std::optional<Numbers> ToNumbers(const OperationResult& result) {
  if (HeldBytes(result) != 0) return std::nullopt;
  struct Visitor {
    std::optional<Numbers> operator()(const GetResult&) { return {}; }
    std::optional<Numbers> operator()(const PutResult& put) {
      return Numbers{put.expire_time};
    }
    std::optional<Numbers> operator()(const DeleteResult& del) {
      return Numbers{del.deleted ? 1 : 0};
    }
    std::optional<Numbers> operator()(const IncrementResult& increment) {
      return Numbers{increment.value};
    }
    std::optional<Numbers> operator()(const TouchResult& touch) {
      return Numbers{touch.expire_time, touch.touched ? 1 : 0};
    }
    std::optional<Numbers> operator()(const MoveResult& move) {
      return Numbers{move.expire_time};
    }
    std::optional<Numbers> operator()(const TransferResult& transfer) {
      return Numbers{transfer.source_value, transfer.destination_value};
    }
  };
  return std::visit(Visitor{}, result);
}

OperationResult FromNumbers(size_t kind, const Numbers& n) {
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

}  // namespace

void LedgerRecord::Deleter::operator()(LedgerRecord* record) const {
  record->~LedgerRecord();
  ::operator delete(record);
}

LedgerRecord::LedgerRecord(std::string_view scoped_key,
                           const Fingerprint& fingerprint, WriteMethod method,
                           UnixNanos time)
    : fingerprint_(fingerprint),
      complete_time_(time),
      key_size_(static_cast<uint16_t>(scoped_key.size())),
      method_(method) {
  std::memcpy(reinterpret_cast<char*>(this + 1), scoped_key.data(),
              scoped_key.size());
}

LedgerRecord::Ptr LedgerRecord::Allocate(std::string_view scoped_key,
                                         const Fingerprint& fingerprint,
                                         WriteMethod method, UnixNanos time) {
  LATCHKEY_CHECK(scoped_key.size() <= UINT16_MAX,
                 "the edge bounds idempotency keys and principals");
  void* memory = ::operator new(sizeof(LedgerRecord) + scoped_key.size());
  return Ptr(new (memory) LedgerRecord(scoped_key, fingerprint, method, time));
}

LedgerRecord::Ptr LedgerRecord::Make(
    std::string_view scoped_key, const Fingerprint& fingerprint,
    WriteMethod method, UnixNanos time,
    const absl::StatusOr<TransactionResult>& outcome) {
  Ptr record = Allocate(scoped_key, fingerprint, method, time);
  if (!record->KeepAsNumbers(outcome)) {
    record->form_ = Form::kDetail;
    record->detail_ = std::make_unique<Detail>(outcome);
  }
  return record;
}

LedgerRecord::Ptr LedgerRecord::MakeTombstone(std::string_view scoped_key,
                                              UnixNanos time) {
  return Allocate(scoped_key, Fingerprint{}, WriteMethod::kPut, time);
}

bool LedgerRecord::KeepAsNumbers(
    const absl::StatusOr<TransactionResult>& outcome) {
  // A transaction of one operation has an answer of another form.
  if (!outcome.ok() || outcome->results.size() != 1 || !outcome->succeeded ||
      method_ == WriteMethod::kTransact) {
    return false;
  }
  const std::optional<Numbers> numbers = ToNumbers(outcome->results[0]);
  if (!numbers.has_value()) return false;
  form_ = Form::kNumbers;
  kind_ = static_cast<uint8_t>(outcome->results[0].index());
  a_ = numbers->a;
  b_ = numbers->b;
  return true;
}

absl::StatusOr<TransactionResult> LedgerRecord::outcome() const {
  LATCHKEY_CHECK(form_ != Form::kTombstone, "a tombstone has no outcome");
  if (form_ == Form::kDetail && !detail_->ok()) return *detail_;
  TransactionResult result;
  if (form_ == Form::kDetail) {
    result = **detail_;
  } else {
    result.results.push_back(FromNumbers(kind_, {a_, b_}));
  }
  const bool forgets = MutantActive(Mutant::kReplayOfWrongAnswer);
  result.version = forgets ? kNoVersion : version_;
  return result;
}

size_t LedgerRecord::bytes() const {
  size_t bytes = sizeof(LedgerRecord) + key_size_ + kPlaceBytes;
  if (detail_ == nullptr) return bytes;
  bytes += sizeof(Detail);
  if (!detail_->ok()) {
    return bytes + kStatusBytes + detail_->status().message().size();
  }
  bytes += (*detail_)->results.size() * sizeof(OperationResult);
  for (const OperationResult& result : (*detail_)->results) {
    bytes += HeldBytes(result);
  }
  return bytes;
}

}  // namespace latchkey
