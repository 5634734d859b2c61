// Both transports over a real socket, with a small service of the test's own
// and the gRPC library as its client: what becomes of a call reaches the
// handler, and the other way round, and the two transports do not differ.

#include <gmock/gmock.h>
#include <google/protobuf/wrappers.pb.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/impl/codegen/rpc_method.h>
#include <grpcpp/support/sync_stream.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/base/clock.h"
#include "server/base/error.h"
#include "server/base/mutex.h"
#include "server/runtime/asio_executor.h"
#include "server/runtime/deadline.h"
#include "server/transport/grpc/grpc_server.h"
#include "server/transport/native/native_server.h"
#include "tests/server/transport/test_streams.h"
#include "tests/support/jumpy_clock.h"

namespace latchkey {
namespace {

using google::protobuf::BytesValue;
using grpc::internal::RpcMethod;

class TransportTest : public testing::TestWithParam<const char*> {
 protected:
  TransportTest() {
    methods_.AddUnary("/test.Test/Echo", [](Call& call, std::string_view in) {
      call.Reply(Parse(in));
    });
    methods_.AddUnary("/test.Test/Fail", [](Call& call, std::string_view) {
      call.AddTrailer("why", "asked to");
      call.Fail(MakeInvalidArgument(ErrorReason::kInvalidKey, "key", "empty"));
    });
    methods_.AddUnary("/test.Test/Later",
                      [this](Call& call, std::string_view in) {
                        // The request's bytes live as long as the call.
                        executor_.Post([&call, in] { call.Reply(Parse(in)); });
                      });
    methods_.AddUnary("/test.Test/Describe", [](Call& call, std::string_view) {
      const auto fruit = call.FindMetadata("fruit");
      call.Reply(Bytes(std::string(call.method()) + " " +
                       std::string(fruit.value_or("none"))));
    });
    methods_.AddUnary("/test.Test/Head", [](Call& call, std::string_view in) {
      call.AddHeader("begins", "here");
      call.AddHeader("bytes-bin", std::string_view("\0\xff", 2));
      if (in.empty()) {
        call.Fail(absl::NotFoundError("nothing"));
      } else {
        call.Reply(Parse(in));
      }
    });
    methods_.AddUnary("/test.Test/Hold", [this](Call& call, std::string_view) {
      MutexLock lock(mutex_);
      held_ = &call;
    });
    methods_.AddUnary(
        "/test.Test/Health",
        [](Call& call, std::string_view in) { call.Reply(Parse(in)); },
        MethodClass::kAboutServer);
    methods_.AddStream("/test.Test/Deadline", [](Call& call) {
      return std::make_unique<TellDeadlineStream>(call);
    });
    methods_.AddStream("/test.Test/EchoStream", [](Call& call) {
      return std::make_unique<EchoStream>(call);
    });
    methods_.AddStream("/test.Test/Endless", [this](Call& call) {
      return std::make_unique<EndlessStream>(call, server_clock_, log_);
    });
    methods_.AddStream("/test.Test/Hasty", [](Call& call) {
      return std::make_unique<HastyStream>(call);
    });
    StartServer();
  }

  std::unique_ptr<Transport> MakeServer(int port) {
    if (GetParam() == std::string("grpc")) {
      return std::make_unique<GrpcServer>(
          GrpcServerOptions{
              .listen_address = "127.0.0.1:" + std::to_string(port),
              .threads = 2,
              .calls_per_connection_max = calls_max_,
              .about_server_calls_per_connection_max = calls_max_},
          methods_, server_clock_);
    }
    return std::make_unique<NativeServer>(
        NativeServerOptions{
            .port = port,
            .threads = 2,
            .calls_per_connection_max = calls_max_,
            .about_server_calls_per_connection_max = calls_max_},
        methods_, server_clock_);
  }

  void StartServer() {
    server_ = MakeServer(0);
    const absl::StatusOr<int> port = server_->Start();
    ASSERT_TRUE(port.ok()) << port.status();
    port_ = *port;
    channel_ = grpc::CreateChannel("127.0.0.1:" + std::to_string(port_),
                                   grpc::InsecureChannelCredentials());
  }

  grpc::Status CallUnary(const char* method, const BytesValue& request,
                         BytesValue* response,
                         grpc::ClientContext* given = nullptr) {
    grpc::ClientContext own;
    grpc::ClientContext* const context = given != nullptr ? given : &own;
    return grpc::internal::BlockingUnaryCall(
        channel_.get(), RpcMethod(method, RpcMethod::NORMAL_RPC), context,
        request, response);
  }

  using Stream = grpc::ClientReaderWriter<BytesValue, BytesValue>;

  std::unique_ptr<Stream> OpenStream(const char* method,
                                     grpc::ClientContext* context) {
    return std::unique_ptr<Stream>(
        grpc::internal::ClientReaderWriterFactory<BytesValue, BytesValue>::
            Create(channel_.get(), RpcMethod(method, RpcMethod::BIDI_STREAMING),
                   context));
  }

  // The call that /Hold keeps, once it is there.
  Call& WaitForHeld() {
    WaitUntil([this] {
      MutexLock lock(mutex_);
      return held_ != nullptr;
    });
    MutexLock lock(mutex_);
    return *held_;
  }

  void WaitUntilIdle() {
    WaitUntil([this] { return server_->live_calls() == 0; });
  }

  int calls_max_ = 1'000;
  const SystemClock clock_;
  JumpyClock server_clock_{clock_};
  MethodTable methods_;
  StreamLog log_;
  Mutex mutex_;
  Call* held_ ABSL_GUARDED_BY(mutex_) = nullptr;
  AsioExecutor executor_;
  std::unique_ptr<Transport> server_;
  int port_ = 0;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_P(TransportTest, EchoesMessagesOfAnySize) {
  // Small ones arrive in one slice, large ones in many.
  for (const size_t size : {0, 1, 20, 1'000, 100'000, 4'000'000}) {
    BytesValue response;
    const std::string value(size, 'v');
    const grpc::Status status =
        CallUnary("/test.Test/Echo", Bytes(value), &response);
    ASSERT_TRUE(status.ok()) << size << ": " << status.error_message();
    EXPECT_EQ(response.value(), value);
  }
}

TEST_P(TransportTest, FailureCarriesCodeMessageDetailsAndTrailers) {
  BytesValue response;
  grpc::ClientContext context;
  const grpc::Status status =
      CallUnary("/test.Test/Fail", Bytes("x"), &response, &context);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "key: empty");
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(details.details(0).UnpackTo(&info));
  EXPECT_EQ(info.reason(), "INVALID_KEY");
  const auto& trailers = context.GetServerTrailingMetadata();
  const auto why = trailers.find("why");
  ASSERT_NE(why, trailers.end());
  EXPECT_EQ(std::string(why->second.data(), why->second.size()), "asked to");
}

TEST_P(TransportTest, UnknownMethodIsUnimplemented) {
  BytesValue response;
  const grpc::Status status =
      CallUnary("/test.Test/Nothing", Bytes("x"), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_THAT(status.error_message(), testing::HasSubstr("/test.Test/Nothing"));
}

TEST_P(TransportTest, HandlerSeesMethodAndMetadata) {
  BytesValue response;
  grpc::ClientContext context;
  context.AddMetadata("fruit", "apple");
  ASSERT_TRUE(
      CallUnary("/test.Test/Describe", Bytes(""), &response, &context).ok());
  EXPECT_EQ(response.value(), "/test.Test/Describe apple");
}

TEST_P(TransportTest, HeadersComeBeforeTheAnswerOrTheError) {
  for (const char* const value : {"", "x"}) {
    BytesValue response;
    grpc::ClientContext context;
    const grpc::Status status =
        CallUnary("/test.Test/Head", Bytes(value), &response, &context);
    EXPECT_EQ(status.ok(), *value != '\0');
    EXPECT_EQ(response.value(), value);
    const auto& headers = context.GetServerInitialMetadata();
    ASSERT_EQ(headers.count("begins"), 1u);
    EXPECT_EQ(headers.find("begins")->second, "here");
    ASSERT_EQ(headers.count("bytes-bin"), 1u);
    EXPECT_EQ(headers.find("bytes-bin")->second, grpc::string_ref("\0\xff", 2));
  }
}

TEST_P(TransportTest, TellsItsTimeWhenAsked) {
  BytesValue response;
  grpc::ClientContext context;
  context.AddMetadata("latchkey-timing", "1");
  ASSERT_TRUE(
      CallUnary("/test.Test/Echo", Bytes("x"), &response, &context).ok());
  EXPECT_EQ(context.GetServerTrailingMetadata().count("latchkey-server-us"),
            1u);
}

TEST_P(TransportTest, AnswersMayComeFromAnotherThread) {
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([this] {
      for (int j = 0; j < 250; ++j) {
        BytesValue response;
        const std::string value = std::to_string(j);
        ASSERT_TRUE(
            CallUnary("/test.Test/Later", Bytes(value), &response).ok());
        ASSERT_EQ(response.value(), value);
      }
    });
  }
  for (std::thread& client : clients) client.join();
  WaitUntilIdle();
}

TEST_P(TransportTest, ACallWithoutADeadlineGetsOne) {
  const UnixNanos before = clock_.Now();
  std::thread client([this] {
    BytesValue response;
    EXPECT_TRUE(CallUnary("/test.Test/Hold", Bytes("x"), &response).ok());
  });
  Call& call = WaitForHeld();
  EXPECT_GE(call.token().deadline(), before + 10 * kNanosPerSecond);
  EXPECT_LE(call.token().deadline(), clock_.Now() + 10 * kNanosPerSecond);
  EXPECT_EQ(server_->live_calls(), 1);
  call.Reply(Bytes("y"));
  client.join();
  WaitUntilIdle();
}

TEST_P(TransportTest, AStreamWithoutADeadlineHasNone) {
  grpc::ClientContext context;
  const auto stream = OpenStream("/test.Test/Deadline", &context);
  BytesValue deadline;
  ASSERT_TRUE(stream->Read(&deadline));
  EXPECT_EQ(deadline.value(), std::to_string(kNever));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_P(TransportTest, MoreCallsThanSlotsAreRefused) {
  server_->Shutdown(0);
  calls_max_ = 1;
  StartServer();
  std::thread client([this] {
    BytesValue response;
    EXPECT_TRUE(CallUnary("/test.Test/Hold", Bytes("x"), &response).ok());
  });
  Call& call = WaitForHeld();
  BytesValue response;
  grpc::ClientContext context;
  const grpc::Status status =
      CallUnary("/test.Test/Echo", Bytes("x"), &response, &context);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_details(), testing::HasSubstr("OVERLOADED"));
  EXPECT_EQ(context.GetServerTrailingMetadata().count("grpc-retry-pushback-ms"),
            1u);
  // But its health is told.
  EXPECT_TRUE(CallUnary("/test.Test/Health", Bytes("x"), &response).ok());
  call.Reply(Bytes("y"));
  client.join();
  WaitUntilIdle();
  EXPECT_TRUE(CallUnary("/test.Test/Echo", Bytes("x"), &response).ok());
}

TEST_P(TransportTest, DeadlineReachesTheToken) {
  const UnixNanos before = clock_.Now();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::milliseconds(200));
  BytesValue response;
  const grpc::Status status =
      CallUnary("/test.Test/Hold", Bytes("x"), &response, &context);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  Call& call = WaitForHeld();
  const UnixNanos deadline = call.token().deadline();
  EXPECT_GT(deadline, before);
  EXPECT_LT(deadline, before + 10 * kNanosPerSecond);
  EXPECT_NE(call.token().Check(deadline), EndReason::kNone);
  call.Fail(absl::DeadlineExceededError("late"));
  WaitUntilIdle();
}

TEST_P(TransportTest, CancelEndsTheToken) {
  grpc::ClientContext context;
  std::thread client([&] {
    BytesValue response;
    const grpc::Status status =
        CallUnary("/test.Test/Hold", Bytes("x"), &response, &context);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::CANCELLED);
  });
  Call& call = WaitForHeld();
  EXPECT_EQ(call.token().Check(clock_.Now()), EndReason::kNone);
  context.TryCancel();
  WaitUntil([&] {
    return call.token().Check(clock_.Now()) == EndReason::kClientCancelled;
  });
  client.join();
  // The handler still has to finish, and the call waits for it.
  EXPECT_EQ(server_->live_calls(), 1);
  call.Reply(Bytes("too late"));
  WaitUntilIdle();
}

TEST_P(TransportTest, MessageOverTheLimitIsResourceExhausted) {
  // Tag and length of the field are 5 bytes here.
  constexpr size_t kLimit = 4 * 1024 * 1024;
  BytesValue response;
  EXPECT_TRUE(CallUnary("/test.Test/Fail", Bytes(std::string(kLimit - 5, 'x')),
                        &response)
                  .error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  const grpc::Status status = CallUnary(
      "/test.Test/Fail", Bytes(std::string(kLimit - 4, 'x')), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  WaitUntilIdle();
}

TEST_P(TransportTest, UnaryRequestWithoutMessageIsUnimplemented) {
  grpc::ClientContext context;
  const auto stream = OpenStream("/test.Test/Echo", &context);
  stream->WritesDone();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNIMPLEMENTED);
  WaitUntilIdle();
}

TEST_P(TransportTest, StreamGoesBothWaysUntilHalfClose) {
  grpc::ClientContext context;
  const auto stream = OpenStream("/test.Test/EchoStream", &context);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(stream->Write(Bytes(std::to_string(i))));
    BytesValue answer;
    ASSERT_TRUE(stream->Read(&answer));
    EXPECT_EQ(answer.value(), std::to_string(i));
  }
  stream->WritesDone();
  BytesValue answer;
  EXPECT_FALSE(stream->Read(&answer));
  EXPECT_TRUE(stream->Finish().ok());
  WaitUntilIdle();
}

TEST_P(TransportTest, CloseComesAfterWhatWasSent) {
  grpc::ClientContext context;
  const auto stream = OpenStream("/test.Test/Hasty", &context);
  BytesValue message;
  ASSERT_TRUE(stream->Read(&message));
  EXPECT_EQ(message.value().size(), 1'000'000u);
  EXPECT_FALSE(stream->Read(&message));
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(context.GetServerTrailingMetadata().count("farewell"), 1u);
  WaitUntilIdle();
}

TEST_P(TransportTest, CancelReachesAStreamThatIsBlockedInSending) {
  grpc::ClientContext context;
  const auto stream = OpenStream("/test.Test/Endless", &context);
  BytesValue message;
  ASSERT_TRUE(stream->Read(&message));
  context.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  WaitUntil([this] { return log_.done.load(); });
  EXPECT_TRUE(log_.cancelled);
  EXPECT_EQ(log_.end, EndReason::kClientCancelled);
  WaitUntilIdle();
}

TEST_P(TransportTest, ExpiredStreamIsToldOfItsDeadline) {
  // By the server's clock the deadline is long over when the library says that
  // the call is: then it was no cancel.
  server_clock_.StartJumping();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::milliseconds(100));
  const auto stream = OpenStream("/test.Test/Endless", &context);
  WaitUntil([this] { return log_.done.load(); });
  EXPECT_EQ(log_.end, EndReason::kDeadline);
  BytesValue message;
  while (stream->Read(&message)) {
  }
  // Or cancelled, as far as a client knows whose own clock has not jumped.
  EXPECT_THAT(stream->Finish().error_code(),
              testing::AnyOf(grpc::StatusCode::DEADLINE_EXCEEDED,
                             grpc::StatusCode::CANCELLED));
}

TEST_P(TransportTest, RequestThatExpiredOnItsWayReachesNoHandler) {
  if (GetParam() == std::string("native")) {
    GTEST_SKIP() << "what comes in one turn has one time; native_server_test "
                    "has calls that come in two";
  }
  server_clock_.StartJumping();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  BytesValue response;
  const grpc::Status status =
      CallUnary("/test.Test/Hold", Bytes("x"), &response, &context);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_THAT(status.error_details(), testing::HasSubstr("EXPIRED_ON_ARRIVAL"));
  WaitUntilIdle();
}

TEST_P(TransportTest, ShutdownLetsCallsFinish) {
  std::thread client([this] {
    BytesValue response;
    const grpc::Status status =
        CallUnary("/test.Test/Hold", Bytes("x"), &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(response.value(), "finished");
  });
  Call& call = WaitForHeld();
  std::thread shutdown(
      [this] { server_->Shutdown(kPatience.count() * kNanosPerSecond); });
  // New calls are refused while the old one runs.
  WaitUntil([this] {
    BytesValue response;
    return CallUnary("/test.Test/Echo", Bytes("x"), &response).error_code() ==
           grpc::StatusCode::UNAVAILABLE;
  });
  call.Reply(Bytes("finished"));
  client.join();
  shutdown.join();
  EXPECT_EQ(server_->live_calls(), 0);
}

TEST_P(TransportTest, ShutdownCancelsWhatDoesNotFinish) {
  grpc::ClientContext context;
  const auto stream = OpenStream("/test.Test/Endless", &context);
  WaitUntil([this] { return log_.started.load(); });
  server_->Shutdown(0);
  EXPECT_TRUE(log_.cancelled);
  EXPECT_TRUE(log_.done);
  EXPECT_EQ(server_->live_calls(), 0);
  BytesValue message;
  while (stream->Read(&message)) {
  }
  EXPECT_FALSE(stream->Finish().ok());
}

TEST_P(TransportTest, ShutdownTwiceDoesNothing) {
  server_->Shutdown(0);
  server_->Shutdown(0);
  EXPECT_EQ(server_->live_calls(), 0);
}

TEST_P(TransportTest, TakenPortIsAnError) {
  const absl::StatusOr<int> port = MakeServer(port_)->Start();
  ASSERT_EQ(port.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(port.status().message()),
              testing::HasSubstr("port is taken"));
}

INSTANTIATE_TEST_SUITE_P(Each, TransportTest, testing::Values("grpc", "native"),
                         [](const auto& name) { return name.param; });

}  // namespace
}  // namespace latchkey
