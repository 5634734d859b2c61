#include "client/verify/model.h"

#include <charconv>
#include <limits>

namespace latchkey::verify {
namespace {

constexpr std::string_view kPreconditionFailed = "PRECONDITION_FAILED";
constexpr std::string_view kKeyExists = "KEY_EXISTS";
constexpr std::string_view kKeyNotFound = "KEY_NOT_FOUND";
constexpr std::string_view kNotACounter = "NOT_A_COUNTER";
constexpr std::string_view kCounterLimit = "COUNTER_LIMIT";

constexpr int64_t kInt64Min = std::numeric_limits<int64_t>::min();
constexpr int64_t kInt64Max = std::numeric_limits<int64_t>::max();

uint64_t VersionOf(const ModelEntry* entry) {
  return entry == nullptr ? 0 : entry->version;
}

Refusal Refuse(std::string_view reason) {
  return ModelError{.reason = reason, .current_version = {}, .index = {}};
}

Refusal Refuse(std::string_view reason, const ModelEntry* entry) {
  return ModelError{
      .reason = reason, .current_version = VersionOf(entry), .index = {}};
}

bool Holds(const v1::Precondition& precondition, const ModelEntry* entry) {
  switch (precondition.condition_case()) {
    case v1::Precondition::kExists:
      return (entry != nullptr) == precondition.exists();
    case v1::Precondition::kVersion:
      return entry != nullptr && entry->version == precondition.version();
    case v1::Precondition::kValue:
      return entry != nullptr && entry->value == precondition.value();
    case v1::Precondition::CONDITION_NOT_SET:
      break;
  }
  return true;
}

Refusal Check(const v1::Precondition& precondition, const ModelEntry* entry) {
  if (Holds(precondition, entry)) return std::nullopt;
  const bool must_be_missing =
      precondition.condition_case() == v1::Precondition::kExists &&
      !precondition.exists();
  return Refuse(must_be_missing ? kKeyExists : kPreconditionFailed, entry);
}

// Whether an entry expires that is written with `expiration` over `entry`.
bool Expires(const v1::Expiration& expiration, const ModelEntry* entry) {
  switch (expiration.kind_case()) {
    case v1::Expiration::kTtl:
    case v1::Expiration::kExpireTime:
      return true;
    case v1::Expiration::kKeep:
      return entry != nullptr && entry->expires;
    case v1::Expiration::KIND_NOT_SET:
      break;
  }
  return false;
}

template <typename Message>
void SetSomeTime(bool expires, Message* message) {
  if (expires) message->mutable_expire_time()->set_seconds(kSomeTime);
}

void Show(std::string_view key, const ModelEntry& entry, v1::Entry* shown) {
  shown->set_key(key.data(), key.size());
  shown->set_value(entry.value);
  shown->set_version(entry.version);
  shown->set_flags(entry.flags);
  SetSomeTime(entry.expires, shown);
}

// Nothing where the value is no counter.
std::optional<int64_t> CounterOf(const ModelEntry& entry) {
  int64_t counter = 0;
  const char* const end = entry.value.data() + entry.value.size();
  const auto [stop, error] = std::from_chars(entry.value.data(), end, counter);
  if (error != std::errc() || stop != end) return std::nullopt;
  return counter;
}

std::optional<int64_t> Add(int64_t counter, int64_t delta, int64_t min,
                           int64_t max) {
  int64_t sum = 0;
  if (__builtin_add_overflow(counter, delta, &sum) || sum < min || sum > max) {
    return std::nullopt;
  }
  return sum;
}

// The entry of a counter that was `old`, null where it was missing.
ModelEntry CounterEntry(const ModelEntry* old, int64_t counter,
                        uint64_t version, bool expires) {
  return {.value = std::to_string(counter),
          .version = version,
          .flags = old == nullptr ? 0 : old->flags,
          .expires = expires};
}

template <typename Request, typename Result>
Refusal ExecuteStep(const Request& request, uint64_t version, int index,
                    ModelChanges* changes, Result* result) {
  Refusal refusal = Execute(request, version, changes, result);
  if (refusal) refusal->index = index;
  return refusal;
}

Refusal ExecuteOperation(const v1::Operation& operation, uint64_t version,
                         int index, ModelChanges* changes,
                         v1::OperationResult* result) {
  switch (operation.kind_case()) {
    case v1::Operation::kGet:
      return ExecuteStep(operation.get(), version, index, changes,
                         result->mutable_get());
    case v1::Operation::kPut:
      return ExecuteStep(operation.put(), version, index, changes,
                         result->mutable_put());
    case v1::Operation::kDelete:
      return ExecuteStep(operation.delete_(), version, index, changes,
                         result->mutable_delete_());
    case v1::Operation::kIncrement:
      return ExecuteStep(operation.increment(), version, index, changes,
                         result->mutable_increment());
    case v1::Operation::kTouch:
      return ExecuteStep(operation.touch(), version, index, changes,
                         result->mutable_touch());
    case v1::Operation::kMove:
      return ExecuteStep(operation.move(), version, index, changes,
                         result->mutable_move());
    case v1::Operation::kTransfer:
      return ExecuteStep(operation.transfer(), version, index, changes,
                         result->mutable_transfer());
    case v1::Operation::KIND_NOT_SET:
      break;
  }
  return Refuse("INVALID_FIELD");
}

}  // namespace

const ModelEntry* ModelChanges::Find(std::string_view key) const {
  for (const auto& [changed, entry] : changes_) {
    if (changed == key) return entry ? &*entry : nullptr;
  }
  return base_.Find(key);
}

void ModelChanges::Set(std::string_view key, ModelEntry entry) {
  for (auto& [changed, old] : changes_) {
    if (changed == key) {
      old = std::move(entry);
      return;
    }
  }
  changes_.emplace_back(key, std::move(entry));
}

void ModelChanges::Remove(std::string_view key) {
  for (auto& [changed, old] : changes_) {
    if (changed == key) {
      old.reset();
      return;
    }
  }
  changes_.emplace_back(key, std::nullopt);
}

std::string_view CodeOf(std::string_view reason) {
  if (reason == kPreconditionFailed) return "ABORTED";
  if (reason == kKeyExists) return "ALREADY_EXISTS";
  if (reason == kKeyNotFound) return "NOT_FOUND";
  if (reason == kNotACounter) return "FAILED_PRECONDITION";
  if (reason == kCounterLimit) return "OUT_OF_RANGE";
  return "INVALID_ARGUMENT";
}

bool Fits(const ModelError& expected, const EventError& actual) {
  if (actual.code != CodeOf(expected.reason)) return false;
  if (!actual.reason.empty() && actual.reason != expected.reason) return false;
  const auto version = actual.metadata.find("current_version");
  if (version != actual.metadata.end() &&
      (!expected.current_version ||
       version->second != std::to_string(*expected.current_version))) {
    return false;
  }
  const auto index = actual.metadata.find("index");
  return index == actual.metadata.end() ||
         (expected.index && index->second == std::to_string(*expected.index));
}

Refusal Execute(const v1::GetRequest& request, uint64_t /*version*/,
                ModelChanges* changes, v1::GetResponse* response) {
  const ModelEntry* entry = changes->Find(request.key());
  if (entry == nullptr) return std::nullopt;
  if (request.has_touch()) {
    ModelEntry touched = *entry;
    touched.expires = Expires(request.touch(), entry);
    SetSomeTime(touched.expires, response);
    changes->Set(request.key(), std::move(touched));
    entry = changes->Find(request.key());
  }
  if (request.if_version_not() != 0 &&
      entry->version == request.if_version_not()) {
    response->set_not_modified(true);
    return std::nullopt;
  }
  Show(request.key(), *entry, response->mutable_entry());
  return std::nullopt;
}

Refusal Execute(const v1::BatchGetRequest& request, uint64_t /*version*/,
                ModelChanges* changes, v1::BatchGetResponse* response) {
  for (const std::string& key : request.keys()) {
    v1::GetResponse* const result = response->add_results();
    const ModelEntry* const entry = changes->Find(key);
    if (entry != nullptr) Show(key, *entry, result->mutable_entry());
  }
  return std::nullopt;
}

Refusal Execute(const v1::PutRequest& request, uint64_t version,
                ModelChanges* changes, v1::PutResponse* response) {
  const ModelEntry* const old = changes->Find(request.key());
  if (Refusal refusal = Check(request.precondition(), old)) return refusal;
  if (request.return_previous() && old != nullptr) {
    Show(request.key(), *old, response->mutable_previous());
  }
  const bool expires = Expires(request.expiration(), old);
  SetSomeTime(expires, response);
  response->set_version(version);
  changes->Set(request.key(), {.value = request.value(),
                               .version = version,
                               .flags = request.flags(),
                               .expires = expires});
  return std::nullopt;
}

Refusal Execute(const v1::BatchPutRequest& request, uint64_t version,
                ModelChanges* changes, v1::BatchPutResponse* response) {
  for (int i = 0; i < request.puts_size(); ++i) {
    Refusal refusal = ExecuteStep(request.puts(i), version, i, changes,
                                  response->add_results());
    if (refusal) return refusal;
  }
  return std::nullopt;
}

Refusal Execute(const v1::DeleteRequest& request, uint64_t version,
                ModelChanges* changes, v1::DeleteResponse* response) {
  const ModelEntry* const old = changes->Find(request.key());
  if (Refusal refusal = Check(request.precondition(), old)) return refusal;
  if (old == nullptr) return std::nullopt;
  response->set_deleted(true);
  response->set_version(version);
  if (request.return_previous()) {
    Show(request.key(), *old, response->mutable_previous());
  }
  changes->Remove(request.key());
  return std::nullopt;
}

Refusal Execute(const v1::BatchDeleteRequest& request, uint64_t version,
                ModelChanges* changes, v1::BatchDeleteResponse* response) {
  for (int i = 0; i < request.deletes_size(); ++i) {
    Refusal refusal = ExecuteStep(request.deletes(i), version, i, changes,
                                  response->add_results());
    if (refusal) return refusal;
  }
  return std::nullopt;
}

Refusal Execute(const v1::IncrementRequest& request, uint64_t version,
                ModelChanges* changes, v1::IncrementResponse* response) {
  const ModelEntry* const old = changes->Find(request.key());
  if (old == nullptr && !request.has_initial()) return Refuse(kKeyNotFound);
  const std::optional<int64_t> counter =
      old == nullptr ? request.initial() : CounterOf(*old);
  if (!counter) return Refuse(kNotACounter);
  const std::optional<int64_t> sum = Add(
      *counter, request.delta(), request.has_min() ? request.min() : kInt64Min,
      request.has_max() ? request.max() : kInt64Max);
  if (!sum) return Refuse(kCounterLimit);
  const bool expires = request.has_expiration()
                           ? Expires(request.expiration(), old)
                           : old != nullptr && old->expires;
  response->set_value(*sum);
  response->set_version(version);
  changes->Set(request.key(), CounterEntry(old, *sum, version, expires));
  return std::nullopt;
}

Refusal Execute(const v1::TouchRequest& request, uint64_t version,
                ModelChanges* changes, v1::TouchResponse* response) {
  const ModelEntry* const old = changes->Find(request.key());
  if (old == nullptr) return std::nullopt;
  ModelEntry touched = *old;
  touched.expires = Expires(request.expiration(), old);
  response->set_touched(true);
  response->set_version(version);
  SetSomeTime(touched.expires, response);
  changes->Set(request.key(), std::move(touched));
  return std::nullopt;
}

Refusal Execute(const v1::MoveRequest& request, uint64_t version,
                ModelChanges* changes, v1::MoveResponse* response) {
  const ModelEntry* const source = changes->Find(request.source_key());
  const ModelEntry* const old = changes->Find(request.destination_key());
  Refusal refusal = Check(request.source_precondition(), source);
  if (refusal) return refusal;
  if (source == nullptr) return Refuse(kKeyNotFound);
  refusal = Check(request.destination_precondition(), old);
  if (refusal) return refusal;
  if (old != nullptr && !request.overwrite()) return Refuse(kKeyExists, old);
  ModelEntry moved = *source;
  moved.version = version;
  response->set_version(version);
  SetSomeTime(moved.expires, response);
  changes->Set(request.destination_key(), std::move(moved));
  changes->Remove(request.source_key());
  return std::nullopt;
}

Refusal Execute(const v1::TransferRequest& request, uint64_t version,
                ModelChanges* changes, v1::TransferResponse* response) {
  const ModelEntry* const source = changes->Find(request.source_key());
  const ModelEntry* const destination =
      changes->Find(request.destination_key());
  if (source == nullptr) return Refuse(kKeyNotFound);
  if (destination == nullptr && !request.create_destination()) {
    return Refuse(kKeyNotFound);
  }
  const std::optional<int64_t> from = CounterOf(*source);
  const std::optional<int64_t> to =
      destination == nullptr ? 0 : CounterOf(*destination);
  if (!from || !to) return Refuse(kNotACounter);
  const auto amount = static_cast<int64_t>(request.amount());
  const std::optional<int64_t> less =
      Add(*from, -amount, request.has_source_min() ? request.source_min() : 0,
          kInt64Max);
  const std::optional<int64_t> more = Add(*to, amount, kInt64Min, kInt64Max);
  if (!less || !more) return Refuse(kCounterLimit);
  response->set_source_value(*less);
  response->set_destination_value(*more);
  response->set_version(version);
  ModelEntry given =
      CounterEntry(destination, *more, version,
                   destination != nullptr && destination->expires);
  changes->Set(request.source_key(),
               CounterEntry(source, *less, version, source->expires));
  changes->Set(request.destination_key(), std::move(given));
  return std::nullopt;
}

Refusal Execute(const v1::TransactRequest& request, uint64_t version,
                ModelChanges* changes, v1::TransactResponse* response) {
  bool succeeded = true;
  for (const v1::Compare& compare : request.compares()) {
    succeeded = succeeded &&
                Holds(compare.precondition(), changes->Find(compare.key()));
  }
  response->set_succeeded(succeeded);
  const auto& operations =
      succeeded ? request.on_success() : request.on_failure();
  for (int i = 0; i < operations.size(); ++i) {
    Refusal refusal = ExecuteOperation(operations[i], version, i, changes,
                                       response->add_results());
    if (refusal) return refusal;
  }
  if (!changes->all().empty()) response->set_version(version);
  return std::nullopt;
}

}  // namespace latchkey::verify
