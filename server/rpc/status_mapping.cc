#include "server/rpc/status_mapping.h"

#include <optional>
#include <string>

#include "google/protobuf/any.pb.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/message_lite.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace latchkey {
namespace {

constexpr char kDomain[] = "latchkey";
constexpr char kTypePrefix[] = "type.googleapis.com/";

// The bytes of a message are always the same: a map is otherwise written in an
// order of the moment, and a replayed error must be told byte for byte.
std::string ToBytes(const google::protobuf::MessageLite& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream output(&bytes);
    google::protobuf::io::CodedOutputStream stream(&output);
    stream.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&stream);
  }
  return bytes;
}

void AddDetail(const google::protobuf::MessageLite& detail,
               google::rpc::Status* status) {
  google::protobuf::Any* const any = status->add_details();
  any->set_type_url(kTypePrefix + detail.GetTypeName());
  any->set_value(ToBytes(detail));
}

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
  AddDetail(info, &rpc_status);
  if (!details->field.empty()) {
    google::rpc::BadRequest bad_request;
    auto* violation = bad_request.add_field_violations();
    violation->set_field(details->field);
    violation->set_description(wire.message);
    AddDetail(bad_request, &rpc_status);
  }
  wire.details = ToBytes(rpc_status);
  return wire;
}

}  // namespace latchkey
