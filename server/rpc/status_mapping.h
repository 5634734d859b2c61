// The one place where the server's errors become what gRPC sends.
//
// Thread safety: free functions, no shared state.

#ifndef LATCHKEY_SERVER_RPC_STATUS_MAPPING_H_
#define LATCHKEY_SERVER_RPC_STATUS_MAPPING_H_

#include <string>

#include "absl/status/status.h"
#include "server/base/error.h"

namespace latchkey {

// A status as it goes over the wire.
struct WireStatus {
  // A gRPC status code, 0 (OK) to 16.
  int code = 0;

  // In English; transports percent-encode it.
  std::string message;

  // A serialized google.rpc.Status for `grpc-status-details-bin`, or empty.
  std::string details;

  // The reason in `details`, for who counts; it does not travel by itself.
  ErrorReason reason = ErrorReason::kUnspecified;
};

// `status` with its details (server/base/error.h) as google.rpc.Status: an
// ErrorInfo with domain "latchkey", and a BadRequest where a field is named.
// The same status gives the same bytes, as a replayed answer needs it.
WireStatus ToWireStatus(const absl::Status& status);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_STATUS_MAPPING_H_
