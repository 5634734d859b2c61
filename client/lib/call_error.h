// CallError is what a failed call has to say, taken apart: the gRPC code and
// the details that Latchkey's server puts beside it
// (proto/latchkey/v1/errors.proto).
//
// Thread safety: free functions and values, no shared state.
//
// Example:
//   const grpc::Status status = stub->Put(&context, request, &response);
//   if (!status.ok()) {
//     const CallError error = DecodeCallError(status);
//     if (error.reason == "PRECONDITION_FAILED") {
//       return error.metadata.at("current_version");
//     }
//   }

#ifndef LATCHKEY_CLIENT_LIB_CALL_ERROR_H_
#define LATCHKEY_CLIENT_LIB_CALL_ERROR_H_

#include <grpcpp/support/status.h>

#include <map>
#include <string>
#include <string_view>

namespace latchkey::client {

struct CallError {
  grpc::StatusCode code = grpc::StatusCode::OK;
  // StatusCodeName(code), as "ABORTED".
  std::string code_name;
  // What went wrong, in English.
  std::string message;
  // A name of latchkey.v1.ErrorReason.  Empty where the error is not
  // Latchkey's own: the library's, a proxy's.
  std::string reason;
  // ErrorInfo.metadata, as current_version or applied.
  std::map<std::string, std::string> metadata;
  // The path of the first bad field, as "puts[3].key"; empty for other errors.
  std::string field;
};

// Takes `status` apart.  Details that are missing, of another domain or not
// decodable leave their fields empty: code and message always stand.  So do
// details that name another code: where a connection is lost in the middle of
// an answer's trailers, the library says UNAVAILABLE beside those that came,
// and others may be missing, as whether it was a replay.
CallError DecodeCallError(const grpc::Status& status);

// The name of a code as gRPC's documents write it, as "DEADLINE_EXCEEDED"; a
// number that is no code is "UNKNOWN", which is how gRPC itself treats it.
std::string_view StatusCodeName(grpc::StatusCode code);

}  // namespace latchkey::client

#endif  // LATCHKEY_CLIENT_LIB_CALL_ERROR_H_
