#include "server/store/rules.h"

#include <charconv>

#include "absl/strings/str_cat.h"
#include "server/base/error.h"
#include "server/base/string_view.h"

namespace latchkey {
namespace {

ErrorMetadata CurrentVersion(const WorkingCopy& copy) {
  return {{"current_version", absl::StrCat(copy.stored_version())}};
}

absl::Status PreconditionFailed(const WorkingCopy& copy,
                                std::string_view message) {
  return MakeError(absl::StatusCode::kAborted, ErrorReason::kPreconditionFailed,
                   message, CurrentVersion(copy));
}

}  // namespace

bool Holds(const Precondition& precondition, const WorkingCopy& copy) {
  const Entry* entry = copy.entry();
  switch (precondition.kind) {
    case Precondition::Kind::kNone:
      return true;
    case Precondition::Kind::kExists:
      return entry != nullptr;
    case Precondition::Kind::kMissing:
      return entry == nullptr;
    case Precondition::Kind::kVersion:
      return entry != nullptr && entry->version() == precondition.version;
    case Precondition::Kind::kValue:
      return entry != nullptr && entry->value() == precondition.value;
  }
  return false;
}

absl::Status CheckPrecondition(const Precondition& precondition,
                               const WorkingCopy& copy) {
  if (Holds(precondition, copy)) return absl::OkStatus();
  if (precondition.kind == Precondition::Kind::kMissing) {
    return KeyExistsError(copy);
  }
  if (copy.entry() == nullptr) {
    return PreconditionFailed(copy, "the key is missing");
  }
  return PreconditionFailed(copy,
                            precondition.kind == Precondition::Kind::kVersion
                                ? "the version is not as demanded"
                                : "the value is not as demanded");
}

absl::Status KeyExistsError(const WorkingCopy& copy) {
  return MakeError(absl::StatusCode::kAlreadyExists, ErrorReason::kKeyExists,
                   "the key exists", CurrentVersion(copy));
}

absl::Status KeyNotFoundError(std::string_view what) {
  return MakeError(absl::StatusCode::kNotFound, ErrorReason::kKeyNotFound,
                   absl::StrCat("the ", ToAbsl(what), " is missing").c_str());
}

absl::StatusOr<UnixNanos> ResolveExpiration(const Expiration& expiration,
                                            UnixNanos now, UnixNanos current,
                                            std::string_view field) {
  switch (expiration.kind) {
    case Expiration::Kind::kNever:
      return kNever;
    case Expiration::Kind::kTtl:
      return SaturatingAdd(now, expiration.ttl);
    case Expiration::Kind::kKeep:
      return current;
    case Expiration::Kind::kAt:
      break;
  }
  if (expiration.at <= now) {
    return MakeInvalidArgument(ErrorReason::kInvalidExpiration,
                               absl::StrCat(ToAbsl(field), ".expire_time"),
                               "is in the past");
  }
  return expiration.at;
}

absl::StatusOr<int64_t> ParseCounter(const Entry& entry) {
  const std::string_view text = entry.value();
  int64_t counter = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, counter);
  if (error != std::errc() || rest != end) {
    return MakeError(
        absl::StatusCode::kFailedPrecondition, ErrorReason::kNotACounter,
        "the value is not the decimal text of a signed 64-bit number");
  }
  return counter;
}

absl::StatusOr<int64_t> AddWithin(int64_t counter, int64_t delta, int64_t min,
                                  int64_t max) {
  int64_t sum = 0;
  if (__builtin_add_overflow(counter, delta, &sum) || sum < min || sum > max) {
    return MakeError(absl::StatusCode::kOutOfRange, ErrorReason::kCounterLimit,
                     "the counter would leave its bounds");
  }
  return sum;
}

absl::Status LeaseLostError() {
  return MakeError(absl::StatusCode::kAborted, ErrorReason::kLeaseLost,
                   "the lease has ended");
}

absl::Status OutOfMemoryError() {
  return MakeError(
      absl::StatusCode::kResourceExhausted, ErrorReason::kOutOfMemory,
      "the memory is full and nothing can be evicted", {{"applied", "no"}});
}

absl::Status LedgerFullError() {
  return MakeError(
      absl::StatusCode::kResourceExhausted, ErrorReason::kIdempotencyLedgerFull,
      "the idempotency ledger is full of live records", {{"applied", "no"}});
}

EntryRef MakeCounter(const WorkingCopy& copy, int64_t counter, MemoryRoom& room,
                     uint32_t owner) {
  char text[kCounterTextMax];
  const auto [end, error] = std::to_chars(text, text + sizeof(text), counter);
  const uint32_t flags = copy.entry() == nullptr ? 0 : copy.entry()->flags();
  return Entry::Make(copy.key(), {text, static_cast<size_t>(end - text)}, flags,
                     kNever, &room, owner);
}

}  // namespace latchkey
