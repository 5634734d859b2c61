// The fields of a request that concern it as a whole: its idempotency key, and
// leases.  They may not be set inside a batch or transaction.
//
// Thread safety: free functions and values, no shared state.

#ifndef LATCHKEY_SERVER_SERVICE_REQUEST_FIELDS_H_
#define LATCHKEY_SERVER_SERVICE_REQUEST_FIELDS_H_

#include <string_view>

#include "absl/status/status.h"
#include "latchkey/v1/cache.pb.h"
#include "server/store/lease_table.h"

namespace latchkey {

// Refers to the request it was made from.
struct RequestFields {
  std::string_view idempotency_key = {};
  const v1::LeaseRequest* lease = nullptr;  // Null: absent.
  bool touches = false;
  std::string_view lease_token = {};
};

inline RequestFields RequestFieldsOf(const v1::GetRequest& request) {
  return {.lease = request.has_lease() ? &request.lease() : nullptr,
          .touches = request.has_touch()};
}

inline RequestFields RequestFieldsOf(const v1::PutRequest& request) {
  return {.idempotency_key = request.idempotency_key(),
          .lease_token = request.lease_token()};
}

// Of any other write.
template <typename Request>
RequestFields RequestFieldsOf(const Request& request) {
  return {.idempotency_key = request.idempotency_key()};
}

// Judges the fields of a request that stands for itself: INVALID_ARGUMENT for a
// bad one.
absl::Status CheckStandalone(const RequestFields& fields);

// Judges the fields of an element of a batch or transaction: INVALID_ARGUMENT
// for any that is set.
absl::Status CheckMember(const RequestFields& fields);

// REQUIRES: CheckStandalone() accepted it.
LeaseDemand DecodeLease(const v1::LeaseRequest& lease);

// INVALID_IDEMPOTENCY_KEY for one that is empty or too long.
absl::Status CheckIdempotencyKey(std::string_view idempotency_key);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SERVICE_REQUEST_FIELDS_H_
