// Whole runs over real sockets, against an in-process server, by the engines
// that send each request themselves.

#include <gmock/gmock.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>

#include "client/load/grpc_engine.h"
#include "client/load/native_engine.h"
#include "client/load/report.h"
#include "client/load/runner.h"
#include "latchkey/v1/cache.grpc.pb.h"
#include "tests/client/load/fake_cache.h"

namespace latchkey::load {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

class FakeService final : public v1::Cache::Service {
 public:
  explicit FakeService(FakeCache& cache) : cache_(cache) {}

  grpc::Status Get(grpc::ServerContext* context, const v1::GetRequest* request,
                   v1::GetResponse* response) override {
    {
      const std::lock_guard lock(mutex_);
      peers_.insert(context->peer());
    }
    ++gets_;
    const auto attempts =
        context->client_metadata().find("grpc-previous-rpc-attempts");
    if (attempts != context->client_metadata().end()) ++retries_;
    if (refused_ > 0 && --refused_ >= 0) {
      context->AddTrailingMetadata("grpc-retry-pushback-ms", "20");
      return {grpc::StatusCode::UNAVAILABLE, "busy"};
    }
    hang_.wait(true);
    return cache_.Get(*request, response);
  }
  grpc::Status BatchGet(grpc::ServerContext*,
                        const v1::BatchGetRequest* request,
                        v1::BatchGetResponse* response) override {
    return cache_.BatchGet(*request, response);
  }
  grpc::Status Put(grpc::ServerContext*, const v1::PutRequest* request,
                   v1::PutResponse* response) override {
    return cache_.Put(*request, response);
  }
  grpc::Status BatchPut(grpc::ServerContext*,
                        const v1::BatchPutRequest* request,
                        v1::BatchPutResponse* response) override {
    return cache_.BatchPut(*request, response);
  }
  grpc::Status Transfer(grpc::ServerContext*,
                        const v1::TransferRequest* request,
                        v1::TransferResponse* response) override {
    return cache_.Transfer(*request, response);
  }

  // How many connections have sent a Get.
  size_t peers() {
    const std::lock_guard lock(mutex_);
    return peers_.size();
  }
  uint64_t gets() const { return gets_; }

  // Of those, what was said to be no first attempt.
  uint64_t retries() const { return retries_; }

  // Refuses the next `gets`, with a pushback of 20 ms.
  void Refuse(int gets) { refused_ = gets; }

  // From now on a Get waits until Resume().
  void Hang() { hang_ = true; }
  void Resume() {
    hang_ = false;
    hang_.notify_all();
  }

 private:
  FakeCache& cache_;
  std::atomic<uint64_t> gets_ = 0;
  std::atomic<uint64_t> retries_ = 0;
  std::atomic<int> refused_ = 0;
  std::atomic<bool> hang_ = false;
  std::mutex mutex_;
  std::set<std::string> peers_;
};

class EnginesTest : public testing::TestWithParam<const char*> {
 protected:
  void Serve(Lie lie = Lie::kNone) {
    cache_ = std::make_unique<FakeCache>(lie);
    service_ = std::make_unique<FakeService>(*cache_);
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                             &port_);
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
  }

  Options SmallRun(const std::string& mix) const {
    Options options;
    options.address = "127.0.0.1:" + std::to_string(port_);
    options.mix = *ParseMix(mix);
    options.keys = 1'000;
    options.warm_up = 0;
    options.requests = 3'000;
    return options;
  }

  Options GetsOneByOne(uint64_t requests) const {
    Options options = SmallRun("get");
    options.connections = 1;
    options.in_flight = 1;
    options.requests = requests;
    return options;
  }

  static std::unique_ptr<Engine> MakeEngine(const EngineOptions& options) {
    if (std::string_view(GetParam()) == "native") {
      return std::make_unique<NativeEngine>(options);
    }
    return std::make_unique<GrpcEngine>(options);
  }

  RunResult Run(const Options& options) {
    const auto engine = MakeEngine({.target = {.address = options.address},
                                    .connections = options.connections,
                                    .threads = options.threads,
                                    .in_flight = options.in_flight,
                                    .timeout = options.timeout,
                                    .retries = options.retries});
    return RunLoad(options, *engine, {}, stop_);
  }

  std::atomic<bool> stop_ = false;
  int port_ = 0;
  std::unique_ptr<FakeCache> cache_;
  std::unique_ptr<FakeService> service_;
  std::unique_ptr<grpc::Server> server_;
};

TEST_P(EnginesTest, RunsEveryKindOfOperation) {
  Serve();
  for (const char* mix : {"ycsb-a", "ycsb-f", "transfer"}) {
    const RunResult result = Run(SmallRun(mix));
    EXPECT_EQ(result.ExitCode(), kExitOk) << FormatTable(result);
    EXPECT_EQ(result.measured.AllLatencies().count(), 3'000u);
    EXPECT_GT(result.measured.AllLatencies().min(), 0);
    EXPECT_GT(result.client_cpu.total(), 0);
  }
}

TEST_P(EnginesTest, UsesAsManyConnectionsAndThreadsAsAsked) {
  Serve();
  Options options = SmallRun("get");
  options.connections = 5;
  options.threads = 2;
  options.in_flight = 3;
  const RunResult result = Run(options);
  EXPECT_EQ(result.ExitCode(), kExitOk) << FormatTable(result);
  EXPECT_EQ(result.measured.calls, 3'000u);
  EXPECT_EQ(service_->peers(), 5u);
}

TEST_P(EnginesTest, ThreadsShareWhatTheyKnow) {
  Serve();
  Options options = SmallRun("ycsb-a");
  options.threads = 4;
  options.keys = 10;
  EXPECT_EQ(Run(options).FailureCount(), 0u);
  EXPECT_EQ(Run(SmallRun("transfer")).FailureCount(), 0u);
}

TEST_P(EnginesTest, CarriesLargeValues) {
  Serve();
  Options options = SmallRun("ycsb-a");
  options.keys = 8;
  options.requests = 50;
  options.value_bytes = {500'000, 1'048'576};
  const RunResult result = Run(options);
  EXPECT_EQ(result.ExitCode(), kExitOk) << FormatTable(result);
}

TEST_P(EnginesTest, CatchesALyingServer) {
  Serve(Lie::kFlipsABit);
  const RunResult result = Run(SmallRun("get"));
  EXPECT_EQ(result.ExitCode(), kExitFailed);
  EXPECT_GT(result.FailureCount(), 0u);
}

TEST_P(EnginesTest, CatchesALostTransfer) {
  Serve(Lie::kLosesTransfers);
  const RunResult result = Run(SmallRun("transfer"));
  EXPECT_EQ(result.ExitCode(), kExitFailed);
  // Which of the two is seen first depends on what a read and its transfer
  // meet.
  EXPECT_THAT(FormatTable(result),
              AnyOf(HasSubstr("wrong balance"), HasSubstr("lost transfer")));
}

TEST_P(EnginesTest, DecodesReasons) {
  Serve(Lie::kRefusesWrites);
  const RunResult result = Run(SmallRun("put"));
  EXPECT_EQ(
      result.measured.errors.count({"RESOURCE_EXHAUSTED", "OUT_OF_MEMORY"}),
      1u);
}

TEST_P(EnginesTest, KeepsTheRateOfAnOpenLoop) {
  Serve();
  Options options = SmallRun("get");
  options.requests = 0;
  options.rate = 500;
  options.duration = 500 * kNanosPerMilli;
  const RunResult result = Run(options);
  EXPECT_EQ(result.measured.calls + result.measured.not_sent, 250u);
  EXPECT_GE(result.elapsed, options.duration);
}

TEST_P(EnginesTest, SaysWhoCannotBeReached) {
  Serve();
  const Options options = SmallRun("get");
  server_->Shutdown();
  const auto engine =
      MakeEngine({.target = {.address = options.address}, .connections = 2});
  const absl::Status status = engine->Connect(200 * kNanosPerMilli);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr(options.address));
}

TEST_P(EnginesTest, EndsWhenTheServerGoesAway) {
  Serve();
  Options options = SmallRun("get");
  options.requests = 0;
  options.duration = 600 * kNanosPerSecond;
  auto run = std::async(std::launch::async, [&] { return Run(options); });
  while (service_->gets() < 100) std::this_thread::yield();
  server_->Shutdown();
  const RunResult result = run.get();
  EXPECT_EQ(result.ExitCode(), kExitUnavailable);
  EXPECT_TRUE(result.measuring);
  EXPECT_THAT(EndingMessage(result), HasSubstr("UNAVAILABLE"));
}

TEST_P(EnginesTest, ACallEndsWithItsTimeout) {
  Serve();
  Options options = GetsOneByOne(2);
  options.timeout = 50 * kNanosPerMilli;
  service_->Hang();
  const RunResult result = Run(options);
  service_->Resume();
  EXPECT_EQ(result.measured.errors.count({"DEADLINE_EXCEEDED", ""}), 1u);
  EXPECT_EQ(result.measured.unanswered, 2u);
  EXPECT_GE(result.elapsed, 2 * options.timeout);
}

TEST_P(EnginesTest, SendsARefusedCallAgainAfterThePushback) {
  Serve();
  Options options = GetsOneByOne(1);
  options.retries = 3;
  service_->Refuse(3);
  const RunResult result = Run(options);
  EXPECT_EQ(result.FailureCount(), 0u) << FormatTable(result);
  EXPECT_EQ(service_->gets(), 4u);
  EXPECT_EQ(service_->retries(), 3u);
  EXPECT_GE(result.measured.AllLatencies().min(), 3 * 20 * kNanosPerMilli);
}

TEST_P(EnginesTest, GivesUpAfterTheRetriesThatItMayMake) {
  Serve();
  Options options = GetsOneByOne(1);
  for (const int retries : {0, 2}) {
    options.retries = retries;
    service_->Refuse(retries + 1);
    const uint64_t before = service_->gets();
    const RunResult result = Run(options);
    EXPECT_EQ(result.measured.errors.count({"UNAVAILABLE", ""}), 1u);
    EXPECT_EQ(service_->gets() - before, static_cast<uint64_t>(retries) + 1);
  }
}

TEST_P(EnginesTest, CancelsWhatHangs) {
  Serve();
  Options options = GetsOneByOne(2);
  options.timeout = 600 * kNanosPerSecond;
  options.cancel_ratio = 1;
  options.cancel_after = 20 * kNanosPerMilli;
  service_->Hang();
  const RunResult result = Run(options);
  service_->Resume();
  EXPECT_EQ(result.measured.cancelled, 2u);
  EXPECT_EQ(result.measured.errors.count({"CANCELLED", ""}), 1u);
}

TEST_P(EnginesTest, AnInterruptEndsTheRunWithAReport) {
  Serve();
  Options options = SmallRun("transfer");
  options.requests = 0;
  options.duration = 600 * kNanosPerSecond;
  auto run = std::async(std::launch::async, [&] { return Run(options); });
  while (cache_->transfers() < 100) std::this_thread::yield();
  stop_ = true;
  const RunResult result = run.get();
  EXPECT_EQ(result.ending, Ending::kInterrupted);
  EXPECT_EQ(result.ExitCode(), kExitOk) << FormatTable(result);
  EXPECT_EQ(result.total, result.total_expected);
}

TEST_P(EnginesTest, ConnectsAnewToAServerThatIsBack) {
  Serve();
  const auto engine =
      MakeEngine({.target = {.address = "127.0.0.1:" + std::to_string(port_)},
                  .timeout = 5 * kNanosPerSecond});
  ASSERT_TRUE(engine->Connect(5 * kNanosPerSecond).ok());
  CallPort& port = engine->Port(0);
  v1::GetRequest request;
  request.set_key("a");
  const auto code = [&] {
    port.Now();
    port.Start(0, {.method = Method::kGet, .request = &request});
    const auto ended = port.Poll(port.Now() + 10 * kNanosPerSecond);
    if (!ended) return grpc::StatusCode::DATA_LOSS;
    return ended->error == nullptr ? grpc::StatusCode::OK : ended->error->code;
  };
  EXPECT_EQ(code(), grpc::StatusCode::OK);
  // A port that is not polled does not see that the server wants to end.
  server_->Shutdown(std::chrono::system_clock::now());
  EXPECT_EQ(code(), grpc::StatusCode::UNAVAILABLE);
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:" + std::to_string(port_),
                           grpc::InsecureServerCredentials());
  builder.RegisterService(service_.get());
  server_ = builder.BuildAndStart();
  ASSERT_NE(server_, nullptr);
  const Nanos end = port.Now() + 10 * kNanosPerSecond;
  while (code() != grpc::StatusCode::OK) ASSERT_LT(port.Now(), end);
}

INSTANTIATE_TEST_SUITE_P(Engines, EnginesTest,
                         testing::Values("grpc", "native"),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace latchkey::load
