#include "server/service/encode.h"

#include <variant>

#include "server/service/time_conversion.h"

namespace latchkey {
namespace {

// Sets the expire_time of `message`, unless it is the one that is told by
// absence.
template <typename Message>
void EncodeExpireTime(UnixNanos expire_time, Message* message) {
  if (expire_time == kNever) return;
  ToTimestamp(expire_time, message->mutable_expire_time());
}

void EncodeWithoutValue(const EntryView& view, v1::Entry* message) {
  const std::string_view key = view.entry->key();
  message->set_key(key.data(), key.size());
  message->set_version(view.entry->version());
  message->set_flags(view.entry->flags());
  EncodeExpireTime(view.expire_time, message);
}

void EncodeEntry(const EntryView& view, v1::Entry* message) {
  EncodeWithoutValue(view, message);
  const std::string_view value = view.entry->value();
  message->set_value(value.data(), value.size());
}

void EncodeStep(const OperationResult& result, uint64_t version,
                v1::OperationResult* step) {
  // The alternatives stand in the order of the message's numbers.
  static_assert(std::variant_size_v<OperationResult> ==
                v1::OperationResult::kTransfer);
  switch (static_cast<v1::OperationResult::KindCase>(result.index() + 1)) {
    case v1::OperationResult::kGet:
      return Encode(result, version, step->mutable_get());
    case v1::OperationResult::kPut:
      return Encode(result, version, step->mutable_put());
    case v1::OperationResult::kDelete:
      return Encode(result, version, step->mutable_delete_());
    case v1::OperationResult::kIncrement:
      return Encode(result, version, step->mutable_increment());
    case v1::OperationResult::kTouch:
      return Encode(result, version, step->mutable_touch());
    case v1::OperationResult::kMove:
      return Encode(result, version, step->mutable_move());
    case v1::OperationResult::kTransfer:
      return Encode(result, version, step->mutable_transfer());
    case v1::OperationResult::KIND_NOT_SET:
      break;
  }
}

template <typename Response>
void EncodeBatch(const TransactionResult& result, Response* response) {
  response->mutable_results()->Reserve(static_cast<int>(result.results.size()));
  for (const OperationResult& each : result.results) {
    Encode(each, result.version, response->add_results());
  }
}

}  // namespace

void Encode(const GetResult& result, v1::GetResponse* response) {
  if (result.found.entry) {
    EncodeEntry(result.found, response->mutable_entry());
  }
  response->set_not_modified(result.not_modified);
  EncodeExpireTime(result.touched_expire_time, response);
}

void Encode(const LeasedGet& answer, Nanos ttl, const Store& store,
            v1::GetResponse* response) {
  Encode(answer.result, response);
  if (answer.granted != kNoLease) {
    v1::Lease* const lease = response->mutable_lease();
    lease->set_token(store.LeaseToken(answer.granted));
    lease->mutable_ttl()->set_seconds(ttl / kNanosPerSecond);
    lease->mutable_ttl()->set_nanos(
        static_cast<int32_t>(ttl % kNanosPerSecond));
  } else if (answer.held_by_other) {
    response->mutable_lease()->set_held_by_other(true);
  }
}

void Encode(const BatchGetResult& result, v1::BatchGetResponse* response) {
  response->mutable_results()->Reserve(static_cast<int>(result.results.size()));
  for (const GetResult& each : result.results) {
    Encode(each, response->add_results());
  }
  response->set_snapshot_version(result.snapshot_version);
}

void Encode(const OperationResult& result, uint64_t /*version*/,
            v1::GetResponse* response) {
  Encode(std::get<GetResult>(result), response);
}

void Encode(const OperationResult& result, uint64_t version,
            v1::PutResponse* response) {
  const auto& put = std::get<PutResult>(result);
  response->set_version(version);
  EncodeExpireTime(put.expire_time, response);
  if (put.previous.entry) {
    EncodeEntry(put.previous, response->mutable_previous());
  }
}

void Encode(const OperationResult& result, uint64_t version,
            v1::DeleteResponse* response) {
  const auto& del = std::get<DeleteResult>(result);
  response->set_deleted(del.deleted);
  if (del.deleted) response->set_version(version);
  if (del.previous.entry) {
    EncodeEntry(del.previous, response->mutable_previous());
  }
}

void Encode(const OperationResult& result, uint64_t version,
            v1::IncrementResponse* response) {
  response->set_value(std::get<IncrementResult>(result).value);
  response->set_version(version);
}

void Encode(const OperationResult& result, uint64_t version,
            v1::TouchResponse* response) {
  const auto& touch = std::get<TouchResult>(result);
  response->set_touched(touch.touched);
  EncodeExpireTime(touch.expire_time, response);
  if (touch.touched) response->set_version(version);
}

void Encode(const OperationResult& result, uint64_t version,
            v1::MoveResponse* response) {
  response->set_version(version);
  EncodeExpireTime(std::get<MoveResult>(result).expire_time, response);
}

void Encode(const OperationResult& result, uint64_t version,
            v1::TransferResponse* response) {
  const auto& transfer = std::get<TransferResult>(result);
  response->set_source_value(transfer.source_value);
  response->set_destination_value(transfer.destination_value);
  response->set_version(version);
}

void Encode(const ScanPage& page, bool keys_only, v1::ScanResponse* response) {
  response->mutable_entries()->Reserve(static_cast<int>(page.entries.size()));
  for (const EntryView& view : page.entries) {
    if (keys_only) {
      EncodeWithoutValue(view, response->add_entries());
    } else {
      EncodeEntry(view, response->add_entries());
    }
  }
  response->set_resume_token(page.resume_token);
  response->set_snapshot_version(page.snapshot_version);
}

void Encode(const TransactionResult& result, v1::BatchPutResponse* response) {
  EncodeBatch(result, response);
}

void Encode(const TransactionResult& result,
            v1::BatchDeleteResponse* response) {
  EncodeBatch(result, response);
}

void Encode(const TransactionResult& result, v1::TransactResponse* response) {
  response->set_succeeded(result.succeeded);
  response->set_version(result.version);
  for (const OperationResult& each : result.results) {
    EncodeStep(each, result.version, response->add_results());
  }
}

}  // namespace latchkey
