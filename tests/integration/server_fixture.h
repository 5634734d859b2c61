// A server as latchkeyd runs it, in this process and behind a real socket, and
// a client that speaks to it through generated stubs.
//
// Requests are written in protobuf's text format:
//   EXPECT_TRUE(Call(&Stub::Put, "key: 'k' value: 'v'").ok());
//
// Thread safety: Call() from any thread.

#ifndef LATCHKEY_TESTS_INTEGRATION_SERVER_FIXTURE_H_
#define LATCHKEY_TESTS_INTEGRATION_SERVER_FIXTURE_H_

#include <google/protobuf/text_format.h>
#include <grpcpp/client_context.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/impl/codegen/rpc_method.h>
#include <grpcpp/support/byte_buffer.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "client/lib/call_error.h"
#include "client/lib/channel.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "latchkey/v1/cache.grpc.pb.h"
#include "server/app/server.h"

namespace latchkey {

using Stub = v1::Cache::Stub;

// Longer than anything in these tests takes: one that needs it has failed.
inline constexpr std::chrono::seconds kPatience(60);

// Waits for `condition`, which other threads or processes bring about.
inline void WaitUntil(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    ASSERT_LT(std::chrono::steady_clock::now(), end) << "waited in vain";
    std::this_thread::yield();
  }
}

template <typename Message>
Message FromText(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message))
      << text;
  return message;
}

// Runs each test over each transport, where a file ends in
// LATCHKEY_OVER_EACH_TRANSPORT(its fixture).
class ServerFixture : public testing::TestWithParam<const char*> {
 protected:
  static ServerOptions Options() {
    ServerOptions options;
    options.transport = GetParam();
    options.listen = "127.0.0.1:0";
    options.threads = 2;
    return options;
  }

  explicit ServerFixture(const ServerOptions& options = Options())
      : server_(options) {
    const absl::StatusOr<ListenAddress> address = server_.Start();
    EXPECT_TRUE(address.ok()) << address.status();
    if (!address.ok()) return;
    address_ = FormatListenAddress(*address);
    port_ = address->port;
    channel_ = client::MakeChannel(address_);
    stub_ = v1::Cache::NewStub(channel_);
    health_stub_ = grpc::health::v1::Health::NewStub(channel_);
  }

  template <typename Request, typename Response>
  using UnaryMethod = grpc::Status (Stub::*)(grpc::ClientContext*,
                                             const Request&, Response*);

  // Calls a method with a deadline that a test never reaches.
  template <typename Request, typename Response>
  grpc::Status Call(UnaryMethod<Request, Response> method,
                    const std::string& request, Response* response = nullptr) {
    return CallWithin(kPatience, method, request, response);
  }

  template <typename Request, typename Response>
  grpc::Status CallWithin(std::chrono::nanoseconds time,
                          UnaryMethod<Request, Response> method,
                          const std::string& request,
                          Response* response = nullptr) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + time);
    Response unused;
    return (stub_.get()->*method)(&context, FromText<Request>(request),
                                  response != nullptr ? response : &unused);
  }

  // The answer to a call that must succeed.
  template <typename Request, typename Response>
  Response MustCall(UnaryMethod<Request, Response> method,
                    const std::string& request) {
    Response response;
    const grpc::Status status = Call(method, request, &response);
    EXPECT_TRUE(status.ok()) << request << ": " << status.error_message();
    return response;
  }

  // Sends any bytes to any method.
  grpc::Status SendBytes(const char* path, const std::string& bytes) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
    const grpc::Slice slice(bytes);
    grpc::ByteBuffer response;
    return grpc::internal::BlockingUnaryCall(
        channel_.get(),
        grpc::internal::RpcMethod(path, grpc::internal::RpcMethod::NORMAL_RPC),
        &context, grpc::ByteBuffer(&slice, 1), &response);
  }

  // The value of `key`, or "(none)".
  std::string ValueOf(const std::string& key) {
    const v1::GetResponse got = MustCall(&Stub::Get, "key: '" + key + "'");
    return got.has_entry() ? got.entry().value() : "(none)";
  }

  Server server_;
  std::string address_;
  int port_ = 0;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<Stub> stub_;
  std::unique_ptr<grpc::health::v1::Health::Stub> health_stub_;
};

#define LATCHKEY_OVER_EACH_TRANSPORT(fixture)                                \
  INSTANTIATE_TEST_SUITE_P(Over, fixture, testing::Values("grpc", "native"), \
                           [](const auto& name) { return name.param; })

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_INTEGRATION_SERVER_FIXTURE_H_
