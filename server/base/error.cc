#include "server/base/error.h"

#include <array>
#include <charconv>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/base/check.h"
#include "server/base/string_view.h"

namespace latchkey {
namespace {

constexpr char kPayloadUrl[] = "latchkey/error-details";

constexpr std::array<std::string_view, kErrorReasonCount> kReasonNames = {
    "ERROR_REASON_UNSPECIFIED",
    "INVALID_KEY",
    "VALUE_TOO_LARGE",
    "INVALID_EXPIRATION",
    "TOO_MANY_OPERATIONS",
    "DUPLICATE_KEY",
    "INVALID_IDEMPOTENCY_KEY",
    "INVALID_FIELD",
    "PRECONDITION_FAILED",
    "KEY_EXISTS",
    "KEY_NOT_FOUND",
    "NOT_A_COUNTER",
    "COUNTER_LIMIT",
    "IDEMPOTENCY_KEY_REUSED",
    "IDEMPOTENCY_KEY_EXPIRED",
    "INCARNATION_CHANGED",
    "IDEMPOTENCY_KEY_FENCED",
    "LEASE_LOST",
    "OVERLOADED",
    "DRAINING",
    "OUT_OF_MEMORY",
    "IDEMPOTENCY_LEDGER_FULL",
    "EXPIRED_ON_ARRIVAL",
    "EXPIRED_IN_QUEUE",
    "EXPIRED_BEFORE_COMMIT",
    "SCAN_EXPIRED",
    "NOT_IMPLEMENTED",
    "RESPONSE_TOO_LARGE",
    "PRINCIPAL_LIMIT",
};

// The payload is each part as "<length>:<bytes>": reason number, field, then
// names and values of the metadata in turn.
void AppendPart(std::string_view part, std::string* out) {
  absl::StrAppend(out, part.size(), ":", ToAbsl(part));
}

// REQUIRES: `*in` begins with a part that AppendPart wrote.
std::string TakePart(std::string_view* in) {
  size_t size = 0;
  const auto [end, error] =
      std::from_chars(in->data(), in->data() + in->size(), size);
  LATCHKEY_CHECK(error == std::errc(), "error details are what we wrote");
  const size_t begin = static_cast<size_t>(end - in->data()) + 1;
  std::string part(in->substr(begin, size));
  in->remove_prefix(begin + size);
  return part;
}

void SetErrorDetails(const ErrorDetails& details, absl::Status* status) {
  std::string payload;
  AppendPart(std::to_string(static_cast<int>(details.reason)), &payload);
  AppendPart(details.field, &payload);
  for (const auto& [name, value] : details.metadata) {
    AppendPart(name, &payload);
    AppendPart(value, &payload);
  }
  status->SetPayload(kPayloadUrl, absl::Cord(payload));
}

}  // namespace

std::string_view ErrorReasonName(ErrorReason reason) {
  return kReasonNames.at(static_cast<size_t>(reason));
}

absl::Status MakeError(absl::StatusCode code, ErrorReason reason,
                       std::string_view message, ErrorMetadata metadata) {
  absl::Status status(code, ToAbsl(message));
  SetErrorDetails({reason, std::move(metadata), ""}, &status);
  return status;
}

absl::Status MakeInvalidArgument(ErrorReason reason, std::string_view field,
                                 std::string_view description) {
  absl::Status status = absl::InvalidArgumentError(
      absl::StrCat(ToAbsl(field), ": ", ToAbsl(description)));
  SetErrorDetails({reason, {}, std::string(field)}, &status);
  return status;
}

std::optional<ErrorDetails> GetErrorDetails(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kPayloadUrl);
  if (!payload.has_value()) return std::nullopt;
  const std::string flat(*payload);
  std::string_view in = flat;
  ErrorDetails details;
  details.reason = static_cast<ErrorReason>(std::stoi(TakePart(&in)));
  details.field = TakePart(&in);
  while (!in.empty()) {
    std::string name = TakePart(&in);
    details.metadata.emplace_back(std::move(name), TakePart(&in));
  }
  return details;
}

absl::Status WithMetadata(const absl::Status& status, std::string_view name,
                          std::string_view value) {
  ErrorDetails details = GetErrorDetails(status).value_or(ErrorDetails{});
  std::erase_if(details.metadata,
                [&](const auto& pair) { return pair.first == name; });
  details.metadata.emplace_back(name, value);
  absl::Status result = status;
  SetErrorDetails(details, &result);
  return result;
}

absl::Status WithFieldPrefix(const absl::Status& status,
                             std::string_view prefix) {
  std::optional<ErrorDetails> details = GetErrorDetails(status);
  if (!details.has_value() || details->field.empty()) return status;
  details->field.insert(0, prefix);
  absl::Status result(status.code(),
                      absl::StrCat(ToAbsl(prefix), status.message()));
  SetErrorDetails(*details, &result);
  return result;
}

}  // namespace latchkey
