#include "tests/interop/service/testing_service.h"

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "server/base/string_view.h"
#include "server/runtime/deadline.h"
#include "testing.pb.h"

namespace latchkey {
namespace {

// More than the largest answer of any test.
constexpr int32_t kPayloadBytesMax = 4 * 1024 * 1024;

// Metadata that comes back: the one at the beginning of the answer, the other
// at its end.
constexpr char kEchoHeader[] = "x-grpc-test-echo-initial";
constexpr char kEchoTrailer[] = "x-grpc-test-echo-trailing-bin";

void EchoMetadata(Call& call) {
  if (const auto value = call.FindMetadata(kEchoHeader); value.has_value()) {
    call.AddHeader(kEchoHeader, *value);
  }
  if (const auto value = call.FindMetadata(kEchoTrailer); value.has_value()) {
    call.AddTrailer(kEchoTrailer, *value);
  }
}

template <typename Message>
absl::Status Parse(std::string_view bytes, Message* message) {
  if (message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("the message is no protobuf");
}

absl::Status FillPayload(int32_t size, grpc::testing::Payload* payload) {
  if (size < 0 || size > kPayloadBytesMax) {
    return absl::InvalidArgumentError("there is no payload of this size");
  }
  payload->set_body(std::string(static_cast<size_t>(size), '\0'));
  return absl::OkStatus();
}

absl::Status Wanted(const grpc::testing::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.code()),
                      ToAbsl(status.message()));
}

void UnaryCall(Call& call, std::string_view bytes) {
  grpc::testing::SimpleRequest request;
  grpc::testing::SimpleResponse response;
  absl::Status status = Parse(bytes, &request);
  if (status.ok()) status = Wanted(request.response_status());
  if (status.ok()) {
    status = FillPayload(request.response_size(), response.mutable_payload());
  }
  if (request.fill_server_id()) response.set_server_id("latchkey");
  EchoMetadata(call);
  if (status.ok()) {
    call.Reply(response);
  } else {
    call.Fail(status);
  }
}

// Why the call was ended.
absl::Status EndOf(const Call& call) {
  return EndedError(call.token().Check(kNever), DeadlineStage::kBeforeCommit);
}

// Adds up what the client sends.
class InputStream final : public StreamHandler {
 public:
  explicit InputStream(Call& call) : call_(call) { call_.Receive(); }

  void OnMessage(std::string_view message) override {
    grpc::testing::StreamingInputCallRequest request;
    const absl::Status status = Parse(message, &request);
    if (!status.ok()) {
      call_.Fail(status);
      return;
    }
    bytes_ += static_cast<int32_t>(request.payload().body().size());
    call_.Receive();
  }

  void OnHalfClose() override {
    grpc::testing::StreamingInputCallResponse response;
    response.set_aggregated_payload_size(bytes_);
    call_.Send(response);
  }

  void OnSent() override { call_.Close(); }
  void OnCancel() override { call_.Fail(EndOf(call_)); }

 private:
  Call& call_;
  int32_t bytes_ = 0;
};

// Answers each request with the messages that it asks for, before it reads the
// next one.
class OutputStream final : public StreamHandler {
 public:
  explicit OutputStream(Call& call) : call_(call) {
    EchoMetadata(call);
    call_.Receive();
  }

  void OnMessage(std::string_view message) override {
    grpc::testing::StreamingOutputCallRequest request;
    absl::Status status = Parse(message, &request);
    if (status.ok()) status = Wanted(request.response_status());
    if (!status.ok()) {
      call_.Fail(status);
      return;
    }
    for (const auto& parameters : request.response_parameters()) {
      sizes_.push_back(parameters.size());
    }
    SendNext();
  }

  void OnHalfClose() override { call_.Close(); }
  void OnSent() override { SendNext(); }
  void OnCancel() override { call_.Fail(EndOf(call_)); }

 private:
  void SendNext() {
    if (sizes_.empty()) {
      call_.Receive();
      return;
    }
    grpc::testing::StreamingOutputCallResponse response;
    const absl::Status status =
        FillPayload(sizes_.front(), response.mutable_payload());
    sizes_.pop_front();
    if (status.ok()) {
      call_.Send(response);
    } else {
      call_.Fail(status);
    }
  }

  Call& call_;
  std::deque<int32_t> sizes_;
};

}  // namespace

void RegisterTestingService(MethodTable& methods) {
  methods.AddUnary(
      "/grpc.testing.TestService/EmptyCall",
      [](Call& call, std::string_view) { call.Reply(grpc::testing::Empty()); });
  methods.AddUnary("/grpc.testing.TestService/UnaryCall", UnaryCall);
  methods.AddStream(
      "/grpc.testing.TestService/StreamingInputCall",
      [](Call& call) { return std::make_unique<InputStream>(call); });
  // One request or many: the handler is the same.
  for (const char* const path :
       {"/grpc.testing.TestService/StreamingOutputCall",
        "/grpc.testing.TestService/FullDuplexCall"}) {
    methods.AddStream(
        path, [](Call& call) { return std::make_unique<OutputStream>(call); });
  }
}

}  // namespace latchkey
