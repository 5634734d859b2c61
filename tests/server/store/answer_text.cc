#include "tests/server/store/answer_text.h"

#include <algorithm>
#include <variant>

#include "absl/strings/str_cat.h"
#include "server/base/string_view.h"

namespace latchkey {
namespace {

std::string TimeText(UnixNanos time) {
  return time == kNever ? "never" : std::to_string(time);
}

std::string ViewText(const EntryView& view) {
  if (!view.entry) return "";
  return EntryText(view.entry->key(), view.entry->value(),
                   view.entry->version(), view.entry->flags(),
                   view.expire_time);
}

std::string ResultText(const GetResult& get) {
  return GetText(ViewText(get.found), get.not_modified,
                 get.touched_expire_time);
}
std::string ResultText(const PutResult& put) {
  return PutText(put.expire_time, ViewText(put.previous));
}
std::string ResultText(const DeleteResult& del) {
  return DeleteText(del.deleted, ViewText(del.previous));
}
std::string ResultText(const IncrementResult& increment) {
  return IncrementText(increment.value);
}
std::string ResultText(const TouchResult& touch) {
  return TouchText(touch.touched, touch.expire_time);
}
std::string ResultText(const MoveResult& move) {
  return MoveText(move.expire_time);
}
std::string ResultText(const TransferResult& transfer) {
  return TransferText(transfer.source_value, transfer.destination_value);
}

std::string StatusText(const absl::Status& status) {
  return ErrorText(status.code(),
                   GetErrorDetails(status).value_or(ErrorDetails{}));
}

std::string DemandText(const Precondition& demand) {
  switch (demand.kind) {
    case Precondition::Kind::kNone:
      return "";
    case Precondition::Kind::kExists:
      return " if exists";
    case Precondition::Kind::kMissing:
      return " if missing";
    case Precondition::Kind::kVersion:
      return absl::StrCat(" if version=", demand.version);
    case Precondition::Kind::kValue:
      return absl::StrCat(" if value=", ToAbsl(demand.value));
  }
  return " if ?";
}

std::string ExpirationText(const Expiration& expiration) {
  switch (expiration.kind) {
    case Expiration::Kind::kNever:
      return "";
    case Expiration::Kind::kTtl:
      return absl::StrCat(" ttl=", expiration.ttl);
    case Expiration::Kind::kAt:
      return absl::StrCat(" at=", expiration.at);
    case Expiration::Kind::kKeep:
      return " keep";
  }
  return " ?";
}

std::string OperationText(const GetOperation& get) {
  return absl::StrCat("get ", ToAbsl(get.key), " not=", get.if_version_not,
                      get.touch.has_value() ? " touch" : "",
                      ExpirationText(get.touch.value_or(Expiration{})));
}
std::string OperationText(const PutOperation& put) {
  return absl::StrCat("put ", ToAbsl(put.key), "=", ToAbsl(put.value),
                      " flags=", put.flags, ExpirationText(put.expiration),
                      DemandText(put.precondition));
}
std::string OperationText(const DeleteOperation& del) {
  return absl::StrCat("delete ", ToAbsl(del.key), DemandText(del.precondition));
}
std::string OperationText(const IncrementOperation& increment) {
  std::string initial = "none";
  if (increment.initial.has_value()) {
    initial = std::to_string(*increment.initial);
  }
  return absl::StrCat("increment ", ToAbsl(increment.key), " by ",
                      increment.delta, " initial=", initial, " in ",
                      increment.min, "..", increment.max,
                      ExpirationText(increment.expiration));
}
std::string OperationText(const TouchOperation& touch) {
  return absl::StrCat("touch ", ToAbsl(touch.key),
                      ExpirationText(touch.expiration));
}
std::string OperationText(const MoveOperation& move) {
  return absl::StrCat("move ", ToAbsl(move.source_key),
                      DemandText(move.source_precondition), " to ",
                      ToAbsl(move.destination_key),
                      DemandText(move.destination_precondition),
                      move.overwrite ? " overwrite" : "");
}
std::string OperationText(const TransferOperation& transfer) {
  return absl::StrCat(
      "transfer ", transfer.amount, " from ", ToAbsl(transfer.source_key),
      " (min ", transfer.source_min, ") to ", ToAbsl(transfer.destination_key),
      transfer.create_destination ? " create" : "");
}

std::string OperationsText(std::span<const Operation> operations) {
  std::string text;
  for (const Operation& operation : operations) {
    absl::StrAppend(
        &text, "\n    ",
        std::visit([](const auto& kind) { return OperationText(kind); },
                   operation));
  }
  return text;
}

}  // namespace

std::string EntryText(std::string_view key, std::string_view value,
                      uint64_t version, uint32_t flags, UnixNanos expire_time) {
  return absl::StrCat(ToAbsl(key), "=", ToAbsl(value), "@", version,
                      " flags=", flags, " expires=", TimeText(expire_time));
}

std::string GetText(const std::string& entry, bool not_modified,
                    UnixNanos touched_expire_time) {
  return absl::StrCat("[get ", entry, not_modified ? " not modified" : "",
                      " touched=", TimeText(touched_expire_time), "]");
}

std::string PutText(UnixNanos expire_time, const std::string& previous) {
  return absl::StrCat("[put expires=", TimeText(expire_time),
                      " previous=", previous, "]");
}

std::string DeleteText(bool deleted, const std::string& previous) {
  return absl::StrCat("[delete ", deleted, " previous=", previous, "]");
}

std::string IncrementText(int64_t value) {
  return absl::StrCat("[increment ", value, "]");
}

std::string TouchText(bool touched, UnixNanos expire_time) {
  return absl::StrCat("[touch ", touched, " expires=", TimeText(expire_time),
                      "]");
}

std::string MoveText(UnixNanos expire_time) {
  return absl::StrCat("[move expires=", TimeText(expire_time), "]");
}

std::string TransferText(int64_t source, int64_t destination) {
  return absl::StrCat("[transfer ", source, " ", destination, "]");
}

std::string ErrorText(absl::StatusCode code, const ErrorDetails& details) {
  std::string text = absl::StrCat(absl::StatusCodeToString(code), " ",
                                  ToAbsl(ErrorReasonName(details.reason)),
                                  " field=", details.field);
  ErrorMetadata metadata = details.metadata;
  std::sort(metadata.begin(), metadata.end());
  for (const auto& [name, value] : metadata) {
    absl::StrAppend(&text, " ", name, "=", value);
  }
  return text;
}

std::string AnswerText(const absl::StatusOr<TransactionResult>& answer) {
  if (!answer.ok()) return StatusText(answer.status());
  std::string text = absl::StrCat(answer->succeeded ? "success" : "failure",
                                  " @", answer->version);
  for (const OperationResult& result : answer->results) {
    absl::StrAppend(
        &text, " ",
        std::visit([](const auto& kind) { return ResultText(kind); }, result));
  }
  return text;
}

std::string AnswerText(const absl::StatusOr<BatchGetResult>& answer) {
  if (!answer.ok()) return StatusText(answer.status());
  std::string text = absl::StrCat("@", answer->snapshot_version);
  for (const GetResult& result : answer->results) {
    absl::StrAppend(&text, " ", ResultText(result));
  }
  return text;
}

std::string AnswerText(const absl::StatusOr<GetResult>& answer) {
  return answer.ok() ? ResultText(*answer) : StatusText(answer.status());
}

std::string RequestText(const Transaction& transaction) {
  std::string text = absl::StrCat("form ", static_cast<int>(transaction.form),
                                  " ", ToAbsl(transaction.batch_field));
  for (const Compare& compare : transaction.compares) {
    absl::StrAppend(&text, "\n    ", ToAbsl(compare.key),
                    DemandText(compare.precondition));
  }
  absl::StrAppend(&text, "\n  success:", OperationsText(transaction.on_success),
                  "\n  failure:", OperationsText(transaction.on_failure));
  return text;
}

}  // namespace latchkey
