#include "server/service/request_fields.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "server/base/error.h"
#include "server/base/string_view.h"
#include "server/service/options.h"
#include "server/service/time_conversion.h"

namespace latchkey {
namespace {

absl::Status CheckLease(const v1::LeaseRequest& lease) {
  const std::optional<Nanos> ttl = ToNanos(lease.ttl());
  if (!ttl.has_value() || *ttl <= 0 || *ttl > kExpirationMax) {
    return MakeInvalidArgument(ErrorReason::kInvalidExpiration, "lease.ttl",
                               "must be more than 0, at most 100 years");
  }
  const std::optional<Nanos> refresh_below = ToNanos(lease.refresh_below());
  if (!refresh_below.has_value() || *refresh_below < 0) {
    return MakeInvalidArgument(ErrorReason::kInvalidField,
                               "lease.refresh_below", "must be 0 or more");
  }
  return absl::OkStatus();
}

}  // namespace

LeaseDemand DecodeLease(const v1::LeaseRequest& lease) {
  return {.ttl = ToNanos(lease.ttl()).value_or(0),
          .refresh_below = ToNanos(lease.refresh_below()).value_or(0),
          .wait = lease.wait()};
}

absl::Status CheckIdempotencyKey(std::string_view idempotency_key) {
  if (!idempotency_key.empty() &&
      idempotency_key.size() <= kIdempotencyKeyBytesMax) {
    return absl::OkStatus();
  }
  return MakeInvalidArgument(
      ErrorReason::kInvalidIdempotencyKey, "idempotency_key",
      absl::StrCat("must be 1 to ", kIdempotencyKeyBytesMax, " bytes, is ",
                   idempotency_key.size()));
}

absl::Status CheckStandalone(const RequestFields& fields) {
  if (!fields.idempotency_key.empty()) {
    absl::Status status = CheckIdempotencyKey(fields.idempotency_key);
    if (!status.ok()) return status;
  }
  if (fields.lease != nullptr) {
    if (fields.touches) {
      return MakeInvalidArgument(ErrorReason::kInvalidField, "lease",
                                 "must be unset together with touch");
    }
    return CheckLease(*fields.lease);
  }
  return absl::OkStatus();
}

absl::Status CheckMember(const RequestFields& fields) {
  constexpr std::string_view kDescription =
      "must be unset inside a batch or transaction";
  if (!fields.idempotency_key.empty()) {
    return MakeInvalidArgument(ErrorReason::kInvalidIdempotencyKey,
                               "idempotency_key", kDescription);
  }
  if (fields.lease != nullptr) {
    return MakeInvalidArgument(ErrorReason::kInvalidField, "lease",
                               kDescription);
  }
  if (!fields.lease_token.empty()) {
    return MakeInvalidArgument(ErrorReason::kInvalidField, "lease_token",
                               kDescription);
  }
  return absl::OkStatus();
}

}  // namespace latchkey
