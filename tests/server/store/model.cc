#include "tests/server/store/model.h"

#include <utility>
#include <variant>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/base/string_view.h"
#include "tests/server/store/answer_text.h"

namespace latchkey {
namespace {

using Entries = std::map<std::string, Model::Entry, std::less<>>;

const Model::Entry* FindIn(const Entries& entries, std::string_view key,
                           UnixNanos now) {
  const auto it = entries.find(key);
  if (it == entries.end() || now >= it->second.expire_time) return nullptr;
  return &it->second;
}

std::string TextOf(std::string_view key, const Model::Entry& entry) {
  return EntryText(key, entry.value, entry.version, entry.flags,
                   entry.expire_time);
}

// What ends a transaction.
struct Failure {
  absl::StatusCode code = absl::StatusCode::kOk;
  ErrorDetails details;
};

// A counter's text: an optional '-' and digits.  128 bits hold every sum of two
// counters.
std::optional<__int128> ParseNumber(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  __int128 number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + (c - '0');
    if (number > (__int128{1} << 63)) return std::nullopt;
  }
  if (negative) return -number;
  if (number == (__int128{1} << 63)) return std::nullopt;
  return number;
}

// One run of a transaction over a copy of the entries.
class Run {
 public:
  Run(const Entries& before, UnixNanos now, uint64_t version)
      : before_(before), entries_(before), now_(now), version_(version) {}

  bool Holds(std::string_view key, const Precondition& demand) const {
    const Model::Entry* entry = FindIn(entries_, key, now_);
    switch (demand.kind) {
      case Precondition::Kind::kNone:
        return true;
      case Precondition::Kind::kMissing:
        return entry == nullptr;
      case Precondition::Kind::kExists:
        return entry != nullptr;
      case Precondition::Kind::kVersion:
        return entry != nullptr && entry->version == demand.version;
      case Precondition::Kind::kValue:
        return entry != nullptr && entry->value == demand.value;
    }
    return false;
  }

  // Each appends its answer and returns true, or sets failure().
  bool Apply(const GetOperation& get) {
    UnixNanos touched = kNever;
    const Model::Entry* entry = FindIn(entries_, get.key, now_);
    if (get.touch.has_value()) {
      if (!Resolve(*get.touch, get.key, "touch.expire_time", touched)) {
        return false;
      }
      if (entry != nullptr) {
        Set(get.key).expire_time = touched;
      } else {
        touched = kNever;
      }
    }
    const bool same = entry != nullptr && get.if_version_not != 0 &&
                      entry->version == get.if_version_not;
    const std::string text =
        entry == nullptr || same ? "" : TextOf(get.key, *entry);
    return Answer(GetText(text, same, touched));
  }

  bool Apply(const PutOperation& put) {
    UnixNanos expire_time = kNever;
    if (!Resolve(put.expiration, put.key, "expiration.expire_time",
                 expire_time) ||
        !Demand(put.key, put.precondition)) {
      return false;
    }
    const Model::Entry* old = FindIn(entries_, put.key, now_);
    const std::string previous = put.return_previous && old != nullptr
                                     ? TextOf(put.key, *old)
                                     : std::string();
    Set(put.key) = {std::string(put.value), put.flags, version_, expire_time};
    return Answer(PutText(expire_time, previous));
  }

  bool Apply(const DeleteOperation& del) {
    if (!Demand(del.key, del.precondition)) return false;
    const Model::Entry* old = FindIn(entries_, del.key, now_);
    if (old == nullptr) return Answer(DeleteText(false, ""));
    const std::string previous =
        del.return_previous ? TextOf(del.key, *old) : std::string();
    Erase(del.key);
    return Answer(DeleteText(true, previous));
  }

  bool Apply(const IncrementOperation& increment) {
    UnixNanos expire_time = kNever;
    if (!Resolve(increment.expiration, increment.key, "expiration.expire_time",
                 expire_time)) {
      return false;
    }
    const Model::Entry* old = FindIn(entries_, increment.key, now_);
    __int128 number = 0;
    uint32_t flags = 0;
    if (old != nullptr) {
      if (!Number(*old, number)) return false;
      flags = old->flags;
    } else if (increment.initial.has_value()) {
      number = *increment.initial;
    } else {
      return Fail(absl::StatusCode::kNotFound, ErrorReason::kKeyNotFound);
    }
    number += increment.delta;
    if (number < increment.min || number > increment.max) return OutOfBounds();
    const int64_t value = static_cast<int64_t>(number);
    Set(increment.key) = {std::to_string(value), flags, version_, expire_time};
    return Answer(IncrementText(value));
  }

  bool Apply(const TouchOperation& touch) {
    UnixNanos expire_time = kNever;
    if (!Resolve(touch.expiration, touch.key, "expiration.expire_time",
                 expire_time)) {
      return false;
    }
    if (FindIn(entries_, touch.key, now_) == nullptr) {
      return Answer(TouchText(false, kNever));
    }
    Set(touch.key).expire_time = expire_time;
    return Answer(TouchText(true, expire_time));
  }

  bool Apply(const MoveOperation& move) {
    if (!Demand(move.source_key, move.source_precondition)) return false;
    const Model::Entry* source = FindIn(entries_, move.source_key, now_);
    if (source == nullptr) {
      return Fail(absl::StatusCode::kNotFound, ErrorReason::kKeyNotFound);
    }
    if (!Demand(move.destination_key, move.destination_precondition)) {
      return false;
    }
    if (!move.overwrite &&
        FindIn(entries_, move.destination_key, now_) != nullptr) {
      return Exists(move.destination_key);
    }
    Model::Entry moved = *source;
    moved.version = version_;
    Set(move.destination_key) = moved;
    Erase(move.source_key);
    return Answer(MoveText(moved.expire_time));
  }

  bool Apply(const TransferOperation& transfer) {
    const Model::Entry* source = FindIn(entries_, transfer.source_key, now_);
    const Model::Entry* destination =
        FindIn(entries_, transfer.destination_key, now_);
    if (source == nullptr ||
        (destination == nullptr && !transfer.create_destination)) {
      return Fail(absl::StatusCode::kNotFound, ErrorReason::kKeyNotFound);
    }
    __int128 from = 0;
    __int128 to = 0;
    if (!Number(*source, from)) return false;
    if (destination != nullptr && !Number(*destination, to)) return false;
    from -= transfer.amount;
    to += transfer.amount;
    if (from < transfer.source_min || from < INT64_MIN || to > INT64_MAX) {
      return OutOfBounds();
    }
    SetNumber(transfer.source_key, static_cast<int64_t>(from));
    SetNumber(transfer.destination_key, static_cast<int64_t>(to));
    return Answer(
        TransferText(static_cast<int64_t>(from), static_cast<int64_t>(to)));
  }

  const std::string& answers() const { return answers_; }
  Failure& failure() { return failure_; }
  bool changed() const { return changed_; }
  Entries& entries() { return entries_; }

 private:
  Model::Entry& Set(std::string_view key) {
    changed_ = true;
    return entries_[std::string(key)];
  }

  // Keeps flags and expiry; a new counter has none.
  void SetNumber(std::string_view key, int64_t number) {
    const bool exists = FindIn(entries_, key, now_) != nullptr;
    Model::Entry& entry = Set(key);
    if (!exists) entry = Model::Entry();
    entry.value = std::to_string(number);
    entry.version = version_;
  }

  void Erase(std::string_view key) {
    changed_ = true;
    entries_.erase(entries_.find(key));
  }

  bool Answer(const std::string& text) {
    answers_ += " " + text;
    return true;
  }

  bool Fail(absl::StatusCode code, ErrorReason reason) {
    failure_.code = code;
    failure_.details.reason = reason;
    return false;
  }

  bool OutOfBounds() {
    return Fail(absl::StatusCode::kOutOfRange, ErrorReason::kCounterLimit);
  }

  bool Exists(std::string_view key) {
    AddCurrentVersion(key);
    return Fail(absl::StatusCode::kAlreadyExists, ErrorReason::kKeyExists);
  }

  // The version that the caller will find: this run is undone.
  void AddCurrentVersion(std::string_view key) {
    const Model::Entry* entry = FindIn(before_, key, now_);
    failure_.details.metadata.emplace_back(
        "current_version",
        std::to_string(entry == nullptr ? 0 : entry->version));
  }

  bool Demand(std::string_view key, const Precondition& demand) {
    if (Holds(key, demand)) return true;
    if (demand.kind == Precondition::Kind::kMissing) return Exists(key);
    AddCurrentVersion(key);
    return Fail(absl::StatusCode::kAborted, ErrorReason::kPreconditionFailed);
  }

  bool Resolve(const Expiration& expiration, std::string_view key,
               const char* field, UnixNanos& expire_time) {
    const Model::Entry* entry = FindIn(entries_, key, now_);
    switch (expiration.kind) {
      case Expiration::Kind::kNever:
        expire_time = kNever;
        return true;
      case Expiration::Kind::kTtl:
        expire_time = now_ + expiration.ttl;
        return true;
      case Expiration::Kind::kKeep:
        expire_time = entry == nullptr ? kNever : entry->expire_time;
        return true;
      case Expiration::Kind::kAt:
        expire_time = expiration.at;
        if (expire_time > now_) return true;
        failure_.details.field = field;
        return Fail(absl::StatusCode::kInvalidArgument,
                    ErrorReason::kInvalidExpiration);
    }
    return false;
  }

  bool Number(const Model::Entry& entry, __int128& number) {
    const std::optional<__int128> parsed = ParseNumber(entry.value);
    if (!parsed.has_value()) {
      return Fail(absl::StatusCode::kFailedPrecondition,
                  ErrorReason::kNotACounter);
    }
    number = *parsed;
    return true;
  }

  const Entries& before_;
  Entries entries_;
  const UnixNanos now_;
  const uint64_t version_;
  bool changed_ = false;
  std::string answers_;
  Failure failure_;
};

// How the contract calls operation `index` of a request in an error.
void NameOperation(const Transaction& transaction, bool succeeded, size_t index,
                   ErrorDetails& details) {
  if (transaction.form == Transaction::Form::kSingle) return;
  details.metadata.emplace_back("index", std::to_string(index));
  if (details.field.empty()) return;
  if (transaction.form == Transaction::Form::kBatch) {
    details.field = absl::StrCat(ToAbsl(transaction.batch_field), "[", index,
                                 "].", details.field);
    return;
  }
  static constexpr const char* kKinds[] = {
      "get", "put", "delete", "increment", "touch", "move", "transfer"};
  const auto& operations =
      succeeded ? transaction.on_success : transaction.on_failure;
  details.field =
      absl::StrCat(succeeded ? "on_success[" : "on_failure[", index, "].",
                   kKinds[operations[index].index()], ".", details.field);
}

}  // namespace

std::string Model::Write(const Transaction& transaction, UnixNanos now) {
  Run run(entries_, now, last_version_ + 1);
  bool succeeded = true;
  for (const Compare& compare : transaction.compares) {
    succeeded = succeeded && run.Holds(compare.key, compare.precondition);
  }
  const auto& operations =
      succeeded ? transaction.on_success : transaction.on_failure;
  for (size_t i = 0; i < operations.size(); ++i) {
    if (std::visit([&](const auto& kind) { return run.Apply(kind); },
                   operations[i])) {
      continue;
    }
    NameOperation(transaction, succeeded, i, run.failure().details);
    return ErrorText(run.failure().code, run.failure().details);
  }
  if (run.changed()) {
    ++last_version_;
    entries_ = std::move(run.entries());
  }
  return absl::StrCat(succeeded ? "success" : "failure", " @",
                      run.changed() ? last_version_ : 0, run.answers());
}

std::string Model::Try(const Transaction& transaction, UnixNanos now) const {
  Model copy = *this;
  return copy.Write(transaction, now);
}

std::string Model::Get(const GetOperation& get, UnixNanos now) const {
  Run run(entries_, now, last_version_ + 1);
  run.Apply(get);
  return run.answers().substr(1);
}

std::string Model::BatchGet(std::span<const std::string_view> keys, bool atomic,
                            UnixNanos now) const {
  Run run(entries_, now, last_version_ + 1);
  for (const std::string_view key : keys) run.Apply(GetOperation{.key = key});
  return absl::StrCat("@", atomic ? last_version_ : 0, run.answers());
}

size_t Model::Sweep(UnixNanos now) {
  return std::erase_if(entries_, [now](const auto& pair) {
    return now >= pair.second.expire_time;
  });
}

const Model::Entry* Model::Find(std::string_view key, UnixNanos now) const {
  return FindIn(entries_, key, now);
}

}  // namespace latchkey
