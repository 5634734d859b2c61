// The errors of the server: an absl::Status with a reason that a client's
// program can act on, and what it needs to know beside it.
//
// The details travel inside the status as a payload, so that every function
// returns a plain absl::Status.  server/rpc/status_mapping.h turns them into
// google.rpc.Status at the edge; nothing else does.
//
// Thread safety: free functions and values, no shared state.
//
// Example:
//   return MakeError(absl::StatusCode::kAborted,
//   ErrorReason::kPreconditionFailed,
//                    "version is 7", {{"current_version", "7"}});

#ifndef LATCHKEY_SERVER_BASE_ERROR_H_
#define LATCHKEY_SERVER_BASE_ERROR_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace latchkey {

// The values of latchkey.v1.ErrorReason, in that order and with those numbers;
// errors.proto says what each means.  A test compares the two lists.
enum class ErrorReason {
  kUnspecified = 0,
  kInvalidKey,
  kValueTooLarge,
  kInvalidExpiration,
  kTooManyOperations,
  kDuplicateKey,
  kInvalidIdempotencyKey,
  kInvalidField,
  kPreconditionFailed,
  kKeyExists,
  kKeyNotFound,
  kNotACounter,
  kCounterLimit,
  kIdempotencyKeyReused,
  kIdempotencyKeyExpired,
  kIncarnationChanged,
  kIdempotencyKeyFenced,
  kLeaseLost,
  kOverloaded,
  kDraining,
  kOutOfMemory,
  kIdempotencyLedgerFull,
  kExpiredOnArrival,
  kExpiredInQueue,
  kExpiredBeforeCommit,
  kScanExpired,
  kNotImplemented,
  kResponseTooLarge,
  kPrincipalLimit,
};

inline constexpr size_t kErrorReasonCount =
    static_cast<size_t>(ErrorReason::kPrincipalLimit) + 1;

// The name of the value in errors.proto, as "KEY_EXISTS".
std::string_view ErrorReasonName(ErrorReason reason);

using ErrorMetadata = std::vector<std::pair<std::string, std::string>>;

struct ErrorDetails {
  ErrorReason reason = ErrorReason::kUnspecified;
  // Becomes google.rpc.ErrorInfo.metadata.
  ErrorMetadata metadata;
  // The bad field of the request, as "puts[3].key"; empty for other errors.
  // With it the status also becomes a google.rpc.BadRequest.
  std::string field;
};

// An error with details.  REQUIRES: code is not kOk.
absl::Status MakeError(absl::StatusCode code, ErrorReason reason,
                       std::string_view message, ErrorMetadata metadata = {});

// INVALID_ARGUMENT for a field of the request, named by its path.  The message
// becomes "<field>: <description>".
absl::Status MakeInvalidArgument(ErrorReason reason, std::string_view field,
                                 std::string_view description);

// The details that MakeError or MakeInvalidArgument put into `status`, or
// nothing.
std::optional<ErrorDetails> GetErrorDetails(const absl::Status& status);

// `status` with one more metadata pair, replacing one of the same name.
// REQUIRES: !status.ok().
absl::Status WithMetadata(const absl::Status& status, std::string_view name,
                          std::string_view value);

// `status` with its field path prefixed, as "puts[3]." before "key"; the
// message follows.  A status without a field is returned as it is.
absl::Status WithFieldPrefix(const absl::Status& status,
                             std::string_view prefix);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_BASE_ERROR_H_
