#include "server/service/decode.h"

#include <cstdint>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "server/base/error.h"
#include "server/base/string_view.h"
#include "server/service/request_fields.h"
#include "server/service/time_conversion.h"

namespace latchkey {
namespace {

std::string Path(std::string_view parent, std::string_view field) {
  return absl::StrCat(ToAbsl(parent), ".", ToAbsl(field));
}

// The error of a field that lies inside the element `index` of `list`.
absl::Status InElement(const absl::Status& status, std::string_view list,
                       int index) {
  const std::string prefix = absl::StrCat(ToAbsl(list), "[", index, "].");
  return WithMetadata(WithFieldPrefix(status, prefix), "index",
                      std::to_string(index));
}

absl::Status CheckKeysDiffer(std::string_view source_key,
                             std::string_view destination_key) {
  if (source_key != destination_key) return absl::OkStatus();
  return MakeInvalidArgument(ErrorReason::kInvalidField, "destination_key",
                             "must differ from source_key");
}

}  // namespace

absl::Status Decoder::CheckCount(std::string_view field, size_t count,
                                 size_t count_max) {
  if (count <= count_max) return absl::OkStatus();
  return MakeInvalidArgument(
      ErrorReason::kTooManyOperations, field,
      absl::StrCat("at most ", count_max, " per request, is ", count));
}

absl::Status Decoder::CheckKey(std::string_view field,
                               std::string_view key) const {
  if (!key.empty() && key.size() <= options_.key_bytes_max) {
    return absl::OkStatus();
  }
  return MakeInvalidArgument(
      ErrorReason::kInvalidKey, field,
      absl::StrCat("must be 1 to ", options_.key_bytes_max, " bytes, is ",
                   key.size()));
}

absl::Status Decoder::CheckValue(std::string_view field,
                                 std::string_view value) const {
  if (value.size() <= options_.value_bytes_max) return absl::OkStatus();
  return MakeInvalidArgument(
      ErrorReason::kValueTooLarge, field,
      absl::StrCat("must be at most ", options_.value_bytes_max, " bytes, is ",
                   value.size()));
}

absl::Status Decoder::DecodeExpiration(std::string_view field,
                                       const v1::Expiration& expiration,
                                       Expiration* out) const {
  const auto invalid = [&](std::string_view kind, std::string_view what) {
    return MakeInvalidArgument(ErrorReason::kInvalidExpiration,
                               Path(field, kind), what);
  };
  switch (expiration.kind_case()) {
    case v1::Expiration::KIND_NOT_SET:
      *out = {.kind = Expiration::Kind::kNever};
      break;
    case v1::Expiration::kTtl: {
      const std::optional<Nanos> ttl = ToNanos(expiration.ttl());
      if (!ttl.has_value()) return invalid("ttl", "is not a valid Duration");
      if (*ttl <= 0) return invalid("ttl", "must be more than 0");
      if (*ttl > kExpirationMax) return invalid("ttl", "is over 100 years");
      *out = {.kind = Expiration::Kind::kTtl, .ttl = *ttl};
      break;
    }
    case v1::Expiration::kExpireTime: {
      const std::optional<UnixNanos> at = ToUnixNanos(expiration.expire_time());
      if (!at.has_value()) {
        return invalid("expire_time", "is not a valid Timestamp");
      }
      if (*at > SaturatingAdd(clock_.Now(), kExpirationMax)) {
        return invalid("expire_time", "is more than 100 years ahead");
      }
      *out = {.kind = Expiration::Kind::kAt, .at = *at};
      break;
    }
    case v1::Expiration::kKeep:
      if (!expiration.keep()) return invalid("keep", "must be true or unset");
      *out = {.kind = Expiration::Kind::kKeep};
      break;
  }
  return absl::OkStatus();
}

absl::Status Decoder::DecodePrecondition(std::string_view field,
                                         const v1::Precondition& precondition,
                                         Precondition* out) const {
  switch (precondition.condition_case()) {
    case v1::Precondition::CONDITION_NOT_SET:
      out->kind = Precondition::Kind::kNone;
      break;
    case v1::Precondition::kExists:
      out->kind = precondition.exists() ? Precondition::Kind::kExists
                                        : Precondition::Kind::kMissing;
      break;
    case v1::Precondition::kVersion:
      out->kind = Precondition::Kind::kVersion;
      out->version = precondition.version();
      if (out->version == kNoVersion) {
        return MakeInvalidArgument(ErrorReason::kInvalidField,
                                   Path(field, "version"),
                                   "must be 1 or more; no entry has version 0");
      }
      break;
    case v1::Precondition::kValue:
      out->kind = Precondition::Kind::kValue;
      out->value = precondition.value();
      if (out->value.size() > options_.value_bytes_max) {
        return CheckValue(Path(field, "value"), out->value);
      }
      break;
  }
  return absl::OkStatus();
}

absl::Status Decoder::Decode(const v1::GetRequest& request,
                             Operation* out) const {
  auto& get = out->emplace<GetOperation>(
      GetOperation{.key = request.key(),
                   .if_version_not = request.if_version_not(),
                   .touch = {}});
  absl::Status status = CheckKey("key", get.key);
  if (request.has_touch()) {
    status.Update(
        DecodeExpiration("touch", request.touch(), &get.touch.emplace()));
  }
  return status;
}

absl::Status Decoder::Decode(const v1::PutRequest& request,
                             Operation* out) const {
  auto& put = out->emplace<PutOperation>();
  put.key = request.key();
  put.value = request.value();
  put.flags = request.flags();
  put.return_previous = request.return_previous();
  absl::Status status = CheckKey("key", put.key);
  status.Update(CheckValue("value", put.value));
  status.Update(
      DecodeExpiration("expiration", request.expiration(), &put.expiration));
  status.Update(DecodePrecondition("precondition", request.precondition(),
                                   &put.precondition));
  return status;
}

absl::Status Decoder::Decode(const v1::DeleteRequest& request,
                             Operation* out) const {
  auto& del = out->emplace<DeleteOperation>();
  del.key = request.key();
  del.return_previous = request.return_previous();
  absl::Status status = CheckKey("key", del.key);
  status.Update(DecodePrecondition("precondition", request.precondition(),
                                   &del.precondition));
  return status;
}

absl::Status Decoder::Decode(const v1::IncrementRequest& request,
                             Operation* out) const {
  auto& increment = out->emplace<IncrementOperation>();
  increment.key = request.key();
  increment.delta = request.delta();
  if (request.has_initial()) increment.initial = request.initial();
  if (request.has_min()) increment.min = request.min();
  if (request.has_max()) increment.max = request.max();
  absl::Status status = CheckKey("key", increment.key);
  if (increment.min > increment.max) {
    status.Update(MakeInvalidArgument(ErrorReason::kInvalidField, "max",
                                      "must not be less than min"));
  }
  // An absent expiration is not an empty one: it keeps what there is.
  if (request.has_expiration()) {
    status.Update(DecodeExpiration("expiration", request.expiration(),
                                   &increment.expiration));
  }
  return status;
}

absl::Status Decoder::Decode(const v1::TouchRequest& request,
                             Operation* out) const {
  auto& touch = out->emplace<TouchOperation>();
  touch.key = request.key();
  absl::Status status = CheckKey("key", touch.key);
  status.Update(
      DecodeExpiration("expiration", request.expiration(), &touch.expiration));
  return status;
}

absl::Status Decoder::Decode(const v1::MoveRequest& request,
                             Operation* out) const {
  auto& move = out->emplace<MoveOperation>();
  move.source_key = request.source_key();
  move.destination_key = request.destination_key();
  move.overwrite = request.overwrite();
  absl::Status status = CheckKey("source_key", move.source_key);
  status.Update(CheckKey("destination_key", move.destination_key));
  status.Update(CheckKeysDiffer(move.source_key, move.destination_key));
  status.Update(DecodePrecondition("source_precondition",
                                   request.source_precondition(),
                                   &move.source_precondition));
  status.Update(DecodePrecondition("destination_precondition",
                                   request.destination_precondition(),
                                   &move.destination_precondition));
  return status;
}

absl::Status Decoder::Decode(const v1::TransferRequest& request,
                             Operation* out) const {
  auto& transfer = out->emplace<TransferOperation>();
  transfer.source_key = request.source_key();
  transfer.destination_key = request.destination_key();
  transfer.source_min = request.source_min();
  transfer.create_destination = request.create_destination();
  absl::Status status = CheckKey("source_key", transfer.source_key);
  status.Update(CheckKey("destination_key", transfer.destination_key));
  status.Update(CheckKeysDiffer(transfer.source_key, transfer.destination_key));
  if (request.amount() == 0 || request.amount() > INT64_MAX) {
    status.Update(MakeInvalidArgument(ErrorReason::kInvalidField, "amount",
                                      "must be 1 to 2^63 - 1"));
    return status;
  }
  transfer.amount = static_cast<int64_t>(request.amount());
  return status;
}

template <typename Request>
absl::Status Decoder::DecodeMember(const Request& request,
                                   Operation* out) const {
  absl::Status status = Decode(request, out);
  if (status.ok()) status = CheckMember(RequestFieldsOf(request));
  return status;
}

absl::Status Decoder::DecodeStep(const v1::Operation& operation,
                                 Operation* out) const {
  switch (operation.kind_case()) {
    case v1::Operation::kGet:
      return WithFieldPrefix(DecodeMember(operation.get(), out), "get.");
    case v1::Operation::kPut:
      return WithFieldPrefix(DecodeMember(operation.put(), out), "put.");
    case v1::Operation::kDelete:
      return WithFieldPrefix(DecodeMember(operation.delete_(), out), "delete.");
    case v1::Operation::kIncrement:
      return WithFieldPrefix(DecodeMember(operation.increment(), out),
                             "increment.");
    case v1::Operation::kTouch:
      return WithFieldPrefix(DecodeMember(operation.touch(), out), "touch.");
    case v1::Operation::kMove:
      return WithFieldPrefix(DecodeMember(operation.move(), out), "move.");
    case v1::Operation::kTransfer:
      return WithFieldPrefix(DecodeMember(operation.transfer(), out),
                             "transfer.");
    case v1::Operation::KIND_NOT_SET:
      break;
  }
  return MakeInvalidArgument(ErrorReason::kInvalidField, "kind",
                             "one of the kinds must be set");
}

absl::Status Decoder::DecodeCompare(const v1::Compare& compare,
                                    Compare* out) const {
  out->key = compare.key();
  absl::Status status = CheckKey("key", out->key);
  status.Update(DecodePrecondition("precondition", compare.precondition(),
                                   &out->precondition));
  if (compare.precondition().condition_case() ==
      v1::Precondition::CONDITION_NOT_SET) {
    status.Update(MakeInvalidArgument(ErrorReason::kInvalidField,
                                      "precondition",
                                      "one of the conditions must be set"));
  }
  return status;
}

absl::Status Decoder::Decode(const v1::BatchGetRequest& request,
                             std::vector<std::string_view>* out) const {
  absl::Status status = CheckCount(
      "keys", request.keys_size(),
      request.atomic() ? options_.operations_max : options_.batch_get_keys_max);
  if (!status.ok()) return status;
  out->reserve(request.keys_size());
  for (int i = 0; i < request.keys_size(); ++i) {
    const std::string_view key = request.keys(i);
    if (key.empty() || key.size() > options_.key_bytes_max) {
      return WithMetadata(CheckKey(absl::StrCat("keys[", i, "]"), key), "index",
                          std::to_string(i));
    }
    out->push_back(key);
  }
  return absl::OkStatus();
}

template <typename Request>
absl::Status Decoder::DecodeBatch(
    std::string_view field,
    const google::protobuf::RepeatedPtrField<Request>& elements,
    std::vector<Operation>* out) const {
  absl::Status status =
      CheckCount(field, elements.size(), options_.operations_max);
  if (!status.ok()) return status;
  absl::flat_hash_set<absl::string_view> keys;
  keys.reserve(elements.size());
  out->reserve(elements.size());
  for (int i = 0; i < elements.size(); ++i) {
    status = DecodeMember(elements[i], &out->emplace_back());
    if (status.ok() && !keys.insert(elements[i].key()).second) {
      status = MakeInvalidArgument(ErrorReason::kDuplicateKey, "key",
                                   "comes twice in the batch");
    }
    if (!status.ok()) return InElement(status, field, i);
  }
  return absl::OkStatus();
}

absl::Status Decoder::Decode(const v1::BatchPutRequest& request,
                             std::vector<Operation>* out) const {
  return DecodeBatch("puts", request.puts(), out);
}

absl::Status Decoder::Decode(const v1::BatchDeleteRequest& request,
                             std::vector<Operation>* out) const {
  return DecodeBatch("deletes", request.deletes(), out);
}

absl::Status Decoder::DecodeSteps(
    std::string_view field,
    const google::protobuf::RepeatedPtrField<v1::Operation>& steps,
    std::vector<Operation>* out) const {
  out->reserve(steps.size());
  for (int i = 0; i < steps.size(); ++i) {
    absl::Status status = DecodeStep(steps[i], &out->emplace_back());
    if (!status.ok()) return InElement(status, field, i);
  }
  return absl::OkStatus();
}

absl::Status Decoder::Decode(const v1::TransactRequest& request,
                             DecodedTransaction* out) const {
  // The list that exceeds the limit is the one that is named.
  size_t count = request.compares_size();
  absl::Status status = CheckCount("compares", count, options_.operations_max);
  count += request.on_success_size();
  status.Update(CheckCount("on_success", count, options_.operations_max));
  count += request.on_failure_size();
  status.Update(CheckCount("on_failure", count, options_.operations_max));
  if (!status.ok()) return status;

  out->compares.reserve(request.compares_size());
  for (int i = 0; i < request.compares_size(); ++i) {
    status = DecodeCompare(request.compares(i), &out->compares.emplace_back());
    if (!status.ok()) return InElement(status, "compares", i);
  }
  status = DecodeSteps("on_success", request.on_success(), &out->on_success);
  if (!status.ok()) return status;
  return DecodeSteps("on_failure", request.on_failure(), &out->on_failure);
}

absl::Status Decoder::Check(const v1::ScanRequest& request) const {
  if (request.prefix().size() > options_.key_bytes_max) {
    return MakeInvalidArgument(
        ErrorReason::kInvalidKey, "prefix",
        absl::StrCat("must be at most ", options_.key_bytes_max, " bytes, is ",
                     request.prefix().size()));
  }
  if (!v1::ScanRequest::Consistency_IsValid(request.consistency())) {
    return MakeInvalidArgument(ErrorReason::kInvalidField, "consistency",
                               "must be FUZZY or SNAPSHOT");
  }
  if (request.page_size() > kScanPageMax) {
    return MakeInvalidArgument(ErrorReason::kInvalidField, "page_size",
                               absl::StrCat("must be 0 to ", kScanPageMax));
  }
  return absl::OkStatus();
}

}  // namespace latchkey
