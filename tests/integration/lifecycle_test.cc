// How a server begins and ends, and that nothing a connection sends ends it.

#include <arpa/inet.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/server_fixture.h"

namespace latchkey {
namespace {

using grpc::StatusCode;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

class LifecycleTest : public ServerFixture {
 protected:
  using ServerFixture::ServerFixture;

  // A connection that sent `bytes` and nothing else.
  int ConnectAndSend(const std::string& bytes) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port_));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&address),
                      sizeof(address)),
              0);
    // The server may hang up in the middle.
    send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return fd;
  }

  static std::chrono::duration<double> Time(const std::function<void()>& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::steady_clock::now() - start;
  }
};

TEST_P(LifecycleTest, SecondServerOnThePortIsAnError) {
  ServerOptions options = Options();
  options.listen = address_;
  Server second(options);
  EXPECT_EQ(second.Start().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ValueOf("k"), "(none)");
}

TEST_P(LifecycleTest, GarbageOnTheSocketEndsNothing) {
  std::mt19937 random(2);
  std::string noise(100'000, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  MustCall(&Stub::Put, "key: 'k' value: 'v'");
  std::vector<int> open;
  for (const std::string& bytes : {
           std::string(),
           noise,
           std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
           preface,
           preface.substr(0, 10),
           preface + noise,
           // A SETTINGS frame whose length is not a multiple of 6.
           preface + std::string("\0\0\1\4\0\0\0\0\0x", 10),
           // HEADERS that are no HPACK.
           preface + std::string("\0\0\0\4\0\0\0\0\0", 9) +
               std::string("\0\0\4\1\5\0\0\0\1\xff\xff\xff\xff", 13),
       }) {
    open.push_back(ConnectAndSend(bytes));
    EXPECT_EQ(ValueOf("k"), "v");
  }
  for (const int fd : open) close(fd);
  EXPECT_EQ(ValueOf("k"), "v");
}

TEST_P(LifecycleTest, HealthIsServingUntilTheDrain) {
  const auto check = [this](const std::string& service) {
    grpc::ClientContext context;
    HealthCheckRequest request;
    request.set_service(service);
    HealthCheckResponse response;
    const grpc::Status status =
        health_stub_->Check(&context, request, &response);
    return status.ok() ? response.status() : HealthCheckResponse::UNKNOWN;
  };
  EXPECT_EQ(check(""), HealthCheckResponse::SERVING);
  EXPECT_EQ(check("latchkey.v1.Cache"), HealthCheckResponse::SERVING);

  grpc::ClientContext context;
  const auto watch = health_stub_->Watch(&context, {});
  HealthCheckResponse response;
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
  std::thread drain([this] { server_.Drain(); });
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  context.TryCancel();
  watch->Finish();
  drain.join();
}

class ShortDrainTest : public LifecycleTest {
 protected:
  ShortDrainTest() : LifecycleTest(ShortDrain()) {}

  static ServerOptions ShortDrain() {
    ServerOptions options = Options();
    options.drain_seconds = 1;
    return options;
  }
};

TEST_P(ShortDrainTest, StreamThatStaysOpenIsCancelledInTheEnd) {
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  grpc::GenericStub stub(channel_);
  // A stream of requests that does not end.
  const auto stream = stub.PrepareCall(
      &context, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
      &queue);
  void* tag = nullptr;
  bool ok = false;
  stream->StartCall(&context);
  ASSERT_TRUE(queue.Next(&tag, &ok) && ok);
  // After an answer it is surely served: list_services, the seventh field, "".
  const grpc::Slice list_services("\x3a\0", 2);
  stream->Write(grpc::ByteBuffer(&list_services, 1), &context);
  ASSERT_TRUE(queue.Next(&tag, &ok) && ok);
  grpc::ByteBuffer services;
  stream->Read(&services, &context);
  ASSERT_TRUE(queue.Next(&tag, &ok) && ok);
  const auto took = Time([this] { server_.Drain(); });
  EXPECT_GE(took.count(), 0.9);
  EXPECT_EQ(server_.live_calls(), 0);
  grpc::Status status;
  stream->Finish(&status, &context);
  ASSERT_TRUE(queue.Next(&tag, &ok) && ok);
  EXPECT_EQ(status.error_code(), StatusCode::UNAVAILABLE);
}

TEST_P(LifecycleTest, AWatchIsEndedByTheDrainAndDoesNotHoldIt) {
  grpc::ClientContext context;
  const auto watch = health_stub_->Watch(&context, {});
  HealthCheckResponse response;
  ASSERT_TRUE(watch->Read(&response));
  const auto took = Time([this] { server_.Drain(); });
  EXPECT_LT(took.count(), Options().drain_seconds);
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  EXPECT_FALSE(watch->Read(&response));
  EXPECT_EQ(watch->Finish().error_code(), StatusCode::UNAVAILABLE);
}

TEST_P(LifecycleTest, IdleConnectionsDoNotHoldUpTheDrain) {
  MustCall(&Stub::Get, "key: 'k'");
  const int silent = ConnectAndSend("");
  const auto took = Time([this] { server_.Drain(); });
  EXPECT_LT(took.count(), Options().drain_seconds);
  close(silent);
}

// The reason of the first call that fails while a server drains.
std::string ReasonWhileDraining(const char* transport) {
  ServerOptions options;
  options.transport = transport;
  options.listen = "127.0.0.1:0";
  Server server(options);
  const absl::StatusOr<ListenAddress> address = server.Start();
  EXPECT_TRUE(address.ok()) << address.status();
  const auto stub =
      v1::Cache::NewStub(client::MakeChannel(FormatListenAddress(*address)));
  grpc::Status status;
  std::thread drain;
  do {
    grpc::ClientContext context;
    v1::GetResponse response;
    status =
        stub->Get(&context, FromText<v1::GetRequest>("key: 'k'"), &response);
    if (!drain.joinable()) drain = std::thread([&] { server.Drain(); });
  } while (status.ok());
  drain.join();
  return client::DecodeCallError(status).reason;
}

class DrainTest : public testing::TestWithParam<const char*> {};

TEST_P(DrainTest, CallsAreToldOfTheDrain) {
  // A machine that stands still for the moment in which they are told fails
  // them in another way; it does not do so every time.
  std::string reason;
  for (int i = 0; i < 20 && reason != "DRAINING"; ++i) {
    reason = ReasonWhileDraining(GetParam());
  }
  EXPECT_EQ(reason, "DRAINING");
}

TEST_P(LifecycleTest, CallsInFlightAreFinishedOrRefused) {
  constexpr int kThreads = 6;
  std::atomic<int> warm = 0;
  std::vector<int64_t> done(kThreads);
  std::vector<grpc::Status> end(kThreads);
  std::vector<std::thread> callers;
  for (int i = 0; i < kThreads; ++i) {
    callers.emplace_back([&, i] {
      const std::string request =
          "key: 'caller-" + std::to_string(i) + "' delta: 1 initial: 0";
      while ((end[i] = Call(&Stub::Increment, request)).ok()) {
        if (++done[i] == 50) ++warm;
      }
    });
  }
  WaitUntil([&] { return warm == kThreads; });
  const auto took = Time([this] { server_.Drain(); });
  for (std::thread& caller : callers) caller.join();
  EXPECT_LT(took.count(), Options().drain_seconds);
  int unavailable = 0;
  for (const grpc::Status& status : end) {
    if (status.error_code() == StatusCode::UNAVAILABLE) {
      ++unavailable;
    } else {
      // The library's answer to a call that was still on its way when the
      // connections were told to end: possible, but rare.
      EXPECT_EQ(status.error_code(), StatusCode::CANCELLED)
          << status.error_message();
    }
  }
  EXPECT_GT(unavailable, kThreads / 2);
  EXPECT_EQ(server_.live_calls(), 0);
}

LATCHKEY_OVER_EACH_TRANSPORT(DrainTest);
LATCHKEY_OVER_EACH_TRANSPORT(LifecycleTest);
LATCHKEY_OVER_EACH_TRANSPORT(ShortDrainTest);

}  // namespace
}  // namespace latchkey
