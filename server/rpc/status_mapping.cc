#include "server/rpc/status_mapping.h"

#include <optional>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace latchkey {
namespace {

constexpr char kDomain[] = "latchkey";

}  // namespace

WireStatus ToWireStatus(const absl::Status& status) {
  WireStatus wire;
  // absl's codes are gRPC's.
  wire.code = static_cast<int>(status.code());
  wire.message = std::string(status.message());
  const std::optional<ErrorDetails> details = GetErrorDetails(status);
  if (!details.has_value()) return wire;
  wire.reason = details->reason;

  google::rpc::Status rpc_status;
  rpc_status.set_code(wire.code);
  rpc_status.set_message(wire.message);
  google::rpc::ErrorInfo info;
  if (details->reason != ErrorReason::kUnspecified) {
    info.set_reason(std::string(ErrorReasonName(details->reason)));
  }
  info.set_domain(kDomain);
  for (const auto& [name, value] : details->metadata) {
    (*info.mutable_metadata())[name] = value;
  }
  rpc_status.add_details()->PackFrom(info);
  if (!details->field.empty()) {
    google::rpc::BadRequest bad_request;
    auto* violation = bad_request.add_field_violations();
    violation->set_field(details->field);
    violation->set_description(wire.message);
    rpc_status.add_details()->PackFrom(bad_request);
  }
  wire.details = rpc_status.SerializeAsString();
  return wire;
}

}  // namespace latchkey
