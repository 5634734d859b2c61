#include "client/lib/call_error.h"

#include <array>
#include <cstddef>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace latchkey::client {
namespace {

constexpr char kDomain[] = "latchkey";

// Indexed by code, 0 to 16.
constexpr std::array<std::string_view, 17> kCodeNames = {
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
};

void DecodeDetail(const google::protobuf::Any& detail, CallError& error) {
  google::rpc::ErrorInfo info;
  google::rpc::BadRequest bad_request;
  if (detail.UnpackTo(&info)) {
    // A proxy may add an ErrorInfo of its own, whose reasons mean other things.
    if (info.domain() != kDomain) return;
    error.reason = info.reason();
    error.metadata = {info.metadata().begin(), info.metadata().end()};
  } else if (detail.UnpackTo(&bad_request)) {
    if (!error.field.empty() || bad_request.field_violations().empty()) return;
    error.field = bad_request.field_violations(0).field();
  }
}

}  // namespace

CallError DecodeCallError(const grpc::Status& status) {
  CallError error;
  error.code = status.error_code();
  error.code_name = StatusCodeName(error.code);
  error.message = status.error_message();
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return error;
  // Of an answer that did not come in whole: see the header.
  if (details.code() != 0 && details.code() != static_cast<int>(error.code)) {
    return error;
  }
  for (const auto& detail : details.details()) DecodeDetail(detail, error);
  return error;
}

std::string_view StatusCodeName(grpc::StatusCode code) {
  const auto index = static_cast<std::size_t>(code);
  return index < kCodeNames.size() ? kCodeNames[index] : "UNKNOWN";
}

}  // namespace latchkey::client
