#include "server/service/reflection_service.h"

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "google/rpc/error_details.pb.h"
#include "grpc/reflection/v1/reflection.pb.h"
#include "grpc/reflection/v1alpha/reflection.pb.h"
#include "latchkey/v1/errors.pb.h"
#include "server/rpc/call.h"
#include "server/service/admin_service.h"
#include "server/service/cache_service.h"
#include "server/service/health_service.h"
#include "server/service/request_parsing.h"
#include "server/service/stream_end.h"

namespace latchkey {
namespace {

template <typename Response>
void SetError(const absl::Status& error, Response* response) {
  auto* message = response->mutable_error_response();
  message->set_error_code(static_cast<int>(error.code()));
  message->set_error_message(std::string(error.message()));
}

template <typename Response>
void SetFiles(const absl::StatusOr<DescriptorIndex::Files>& files,
              Response* response) {
  if (!files.ok()) {
    SetError(files.status(), response);
    return;
  }
  auto* message = response->mutable_file_descriptor_response();
  for (const std::string_view file : *files) {
    message->add_file_descriptor_proto(file.data(), file.size());
  }
}

template <typename Response>
void SetExtensionNumbers(const DescriptorIndex& index, const std::string& type,
                         Response* response) {
  if (!index.HasMessage(type)) {
    SetError(absl::NotFoundError("no such message type"), response);
    return;
  }
  response->mutable_all_extension_numbers_response()->set_base_type_name(type);
}

// Fills in the answer to one question.  `Request` and `Response` are those of
// either version.
template <typename Request, typename Response>
void Answer(const DescriptorIndex& index, const Request& request,
            Response* response) {
  response->set_valid_host(request.host());
  *response->mutable_original_request() = request;
  switch (request.message_request_case()) {
    case Request::kFileByFilename:
      SetFiles(index.FindFile(request.file_by_filename()), response);
      break;
    case Request::kFileContainingSymbol:
      SetFiles(index.FindSymbol(request.file_containing_symbol()), response);
      break;
    case Request::kFileContainingExtension:
      SetError(absl::NotFoundError("no such extension"), response);
      break;
    case Request::kAllExtensionNumbersOfType:
      SetExtensionNumbers(index, request.all_extension_numbers_of_type(),
                          response);
      break;
    case Request::kListServices:
      for (const std::string& service : index.services()) {
        response->mutable_list_services_response()->add_service()->set_name(
            service);
      }
      break;
    case Request::MESSAGE_REQUEST_NOT_SET:
      SetError(absl::InvalidArgumentError("no question is set"), response);
      break;
  }
}

// Receives a question, sends its answer, and so on until the client is done.
template <typename Request, typename Response>
class Conversation final : public StreamHandler {
 public:
  Conversation(const DescriptorIndex& index, const AccessCheck& access,
               Call& call)
      : index_(index), access_(access), call_(call) {
    call_.Receive();
  }

  void OnMessage(std::string_view message) override {
    if (absl::Status s = access_.Check(call_, Verb::kAdmin, ""); !s.ok()) {
      call_.Fail(s);
      return;
    }
    RequestArena arena;
    const auto request = ParseRequest<Request>(message, arena);
    if (!request.ok()) {
      call_.Fail(request.status());
      return;
    }
    auto* response = arena.Make<Response>();
    Answer(index_, **request, response);
    call_.Send(*response);
  }

  void OnSent() override { call_.Receive(); }
  void OnHalfClose() override { call_.Close(); }
  void OnCancel() override { call_.Fail(StreamEndedError(call_)); }

 private:
  const DescriptorIndex& index_;
  const AccessCheck& access_;
  Call& call_;
};

constexpr char kV1[] = "grpc.reflection.v1.ServerReflection";
constexpr char kV1Alpha[] = "grpc.reflection.v1alpha.ServerReflection";

template <typename Request, typename Response>
void AddVersion(const std::string& service, const DescriptorIndex& index,
                const AccessCheck& access, MethodTable& methods) {
  methods.AddStream(
      "/" + service + "/ServerReflectionInfo",
      [&index, &access](Call& call) {
        return std::make_unique<Conversation<Request, Response>>(index, access,
                                                                 call);
      },
      MethodClass::kAboutServer);
}

// Naming a type of a file keeps the linker from dropping it.
std::vector<std::string> ErrorDetailTypes() {
  return {google::rpc::ErrorInfo::descriptor()->full_name(),
          google::rpc::BadRequest::descriptor()->full_name(),
          v1::ErrorReason_descriptor()->full_name()};
}

}  // namespace

ReflectionService::ReflectionService(const RulesKeeper* rules)
    : index_({CacheService::kName, AdminService::kName, HealthService::kName,
              kV1, kV1Alpha},
             ErrorDetailTypes()),
      access_(rules) {}

void ReflectionService::Register(MethodTable& methods) {
  {
    using grpc::reflection::v1::ServerReflectionRequest;
    using grpc::reflection::v1::ServerReflectionResponse;
    AddVersion<ServerReflectionRequest, ServerReflectionResponse>(
        kV1, index_, access_, methods);
  }
  {
    using grpc::reflection::v1alpha::ServerReflectionRequest;
    using grpc::reflection::v1alpha::ServerReflectionResponse;
    AddVersion<ServerReflectionRequest, ServerReflectionResponse>(
        kV1Alpha, index_, access_, methods);
  }
}

}  // namespace latchkey
