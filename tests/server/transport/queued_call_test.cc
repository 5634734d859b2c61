// A call that waits in a lane, over both transports: whatever ends it is told
// to the lane at once, without a thread of it, and the transport is done with
// the call.

#include <google/protobuf/wrappers.pb.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/impl/codegen/rpc_method.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "server/base/clock.h"
#include "server/base/error.h"
#include "server/base/mutex.h"
#include "server/runtime/worker_pool.h"
#include "server/transport/grpc/grpc_server.h"
#include "server/transport/native/native_server.h"
#include "tests/server/transport/test_streams.h"
#include "tests/support/manual_executor.h"

namespace latchkey {
namespace {

using google::protobuf::BytesValue;
using grpc::internal::RpcMethod;

class QueuedCallTest : public testing::TestWithParam<const char*> {
 protected:
  QueuedCallTest() {
    methods_.AddUnary("/test.Test/Wait", [this](Call& call, std::string_view) {
      const absl::Status queued =
          lane_.Submit({call.token()}, [this, &call](const absl::Status& fate) {
            {
              MutexLock lock(mutex_);
              fate_ = fate;
            }
            call.Fail(fate.ok() ? absl::InternalError("ran") : fate);
          });
      EXPECT_TRUE(queued.ok());
    });
    if (GetParam() == std::string("grpc")) {
      server_ = std::make_unique<GrpcServer>(
          GrpcServerOptions{.listen_address = "127.0.0.1:0", .threads = 1},
          methods_, clock_);
    } else {
      server_ = std::make_unique<NativeServer>(
          NativeServerOptions{.port = 0, .threads = 1}, methods_, clock_);
    }
    const absl::StatusOr<int> port = server_->Start();
    EXPECT_TRUE(port.ok()) << port.status();
    channel_ = grpc::CreateChannel("127.0.0.1:" + std::to_string(*port),
                                   grpc::InsecureChannelCredentials());
  }

  // Sends a call, and does `then` when it waits in the lane; returns its fate
  // there.
  absl::Status FateOfCall(grpc::ClientContext& context,
                          const std::function<void()>& then) {
    std::thread client([&] {
      BytesValue response;
      EXPECT_FALSE(grpc::internal::BlockingUnaryCall(
                       channel_.get(),
                       RpcMethod("/test.Test/Wait", RpcMethod::NORMAL_RPC),
                       &context, Bytes("x"), &response)
                       .ok());
    });
    WaitUntil([this] { return lane_.depth() == 1; });
    then();
    WaitUntil([this] { return server_->live_calls() == 0; });
    client.join();
    EXPECT_EQ(lane_.depth(), 0u);
    MutexLock lock(mutex_);
    return fate_;
  }

  const SystemClock clock_;
  // Nobody runs it: what waits in the lane waits for ever.
  ManualExecutor executor_{clock_};
  WorkerPool lane_{{}, clock_, executor_};
  MethodTable methods_;
  Mutex mutex_;
  absl::Status fate_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Transport> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_P(QueuedCallTest, IsEndedByItsDeadline) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::milliseconds(300));
  const absl::Status fate = FateOfCall(context, [] {});
  // A client whose time began earlier may cancel it before.
  if (fate.code() == absl::StatusCode::kCancelled) return;
  EXPECT_EQ(fate.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(GetErrorDetails(fate)->reason, ErrorReason::kExpiredInQueue);
}

TEST_P(QueuedCallTest, IsEndedByItsClient) {
  grpc::ClientContext context;
  const absl::Status fate =
      FateOfCall(context, [&context] { context.TryCancel(); });
  EXPECT_EQ(fate.code(), absl::StatusCode::kCancelled);
}

TEST_P(QueuedCallTest, IsEndedByADrain) {
  grpc::ClientContext context;
  const absl::Status fate =
      FateOfCall(context, [this] { server_->Shutdown(0); });
  EXPECT_TRUE(fate.code() == absl::StatusCode::kUnavailable ||
              fate.code() == absl::StatusCode::kCancelled)
      << fate;
}

INSTANTIATE_TEST_SUITE_P(Each, QueuedCallTest,
                         testing::Values("grpc", "native"),
                         [](const auto& row) { return row.param; });

}  // namespace
}  // namespace latchkey
