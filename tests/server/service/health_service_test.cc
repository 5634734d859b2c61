#include "server/service/health_service.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>

#include "grpc/health/v1/health.pb.h"
#include "tests/server/service/service_fixture.h"

namespace latchkey {
namespace {

using enum absl::StatusCode;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using Status = HealthCheckResponse::ServingStatus;

std::string RequestFor(const std::string& service) {
  HealthCheckRequest request;
  request.set_service(service);
  return request.SerializeAsString();
}

class HealthServiceTest : public ::testing::Test {
 protected:
  HealthServiceTest() { health_.Register(methods_); }

  std::unique_ptr<FakeCall> Check(std::string_view bytes) {
    auto call = std::make_unique<FakeCall>(clock_);
    DispatchUnary(*methods_.Find("/grpc.health.v1.Health/Check"), *call, bytes,
                  clock_.Now());
    return call;
  }

  Status StatusOf(const std::string& service) {
    return Check(RequestFor(service))->reply<HealthCheckResponse>().status();
  }

  // One Watch call, with the test as its transport.
  struct Watch {
    explicit Watch(HealthServiceTest& test)
        : call(test.clock_),
          handler(test.methods_.Find("/grpc.health.v1.Health/Watch")
                      ->stream(call)) {
      EXPECT_TRUE(call.TakeReceive());
    }
    // As the contract of StreamHandler has it: done only when finished.
    ~Watch() {
      if (!call.is_finished()) handler->OnCancel();
      EXPECT_TRUE(call.is_finished());
      handler->OnDone();
    }

    // The status that was sent last; the next one may come.
    Status TakeSent() {
      const Status status = call.Sent<HealthCheckResponse>().status();
      handler->OnSent();
      return status;
    }

    FakeCall call;
    std::unique_ptr<StreamHandler> handler;
  };

  FakeClock clock_;
  HealthService health_;
  MethodTable methods_;
};

TEST_F(HealthServiceTest, ServesFromTheBeginningUntilItDrains) {
  EXPECT_EQ(StatusOf(""), HealthCheckResponse::SERVING);
  EXPECT_EQ(StatusOf("latchkey.v1.Cache"), HealthCheckResponse::SERVING);
  health_.SetServing(false);
  EXPECT_EQ(StatusOf(""), HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(StatusOf("latchkey.v1.Cache"), HealthCheckResponse::NOT_SERVING);
  health_.SetServing(true);
  EXPECT_EQ(StatusOf(""), HealthCheckResponse::SERVING);
}

TEST_F(HealthServiceTest, CheckOfAnotherNameIsNotFound) {
  for (const char* name : {"latchkey.v1", "latchkey.v1.Cache2", "Cache"}) {
    EXPECT_EQ(Check(RequestFor(name))->error().code, kNotFound) << name;
  }
}

TEST_F(HealthServiceTest, CheckRefusesGarbage) {
  EXPECT_EQ(Check("\x07")->error().code, kInvalidArgument);
}

TEST_F(HealthServiceTest, WatchTellsTheStatusNowAndEachChange) {
  for (const char* name : {"", "latchkey.v1.Cache"}) {
    Watch watch(*this);
    EXPECT_FALSE(watch.call.has_sent());
    watch.handler->OnMessage(RequestFor(name));
    EXPECT_EQ(watch.TakeSent(), HealthCheckResponse::SERVING);
    EXPECT_FALSE(watch.call.has_sent());
    health_.SetServing(false);
    EXPECT_EQ(watch.TakeSent(), HealthCheckResponse::NOT_SERVING);
    health_.SetServing(true);
    EXPECT_EQ(watch.TakeSent(), HealthCheckResponse::SERVING);
  }
}

TEST_F(HealthServiceTest, WatchSaysNothingWhereNothingChanged) {
  Watch watch(*this);
  watch.handler->OnMessage(RequestFor(""));
  EXPECT_EQ(watch.TakeSent(), HealthCheckResponse::SERVING);
  health_.SetServing(true);
  EXPECT_FALSE(watch.call.has_sent());
}

// FakeCall fails where a second message is sent before the first has gone.
TEST_F(HealthServiceTest, WatchTellsChangesDuringASendAsOne) {
  Watch watch(*this);
  watch.handler->OnMessage(RequestFor(""));
  health_.SetServing(false);
  EXPECT_EQ(watch.TakeSent(), HealthCheckResponse::SERVING);
  // Sent by OnSent().
  EXPECT_EQ(watch.TakeSent(), HealthCheckResponse::NOT_SERVING);
  health_.SetServing(true);
  health_.SetServing(false);
  EXPECT_EQ(watch.TakeSent(), HealthCheckResponse::SERVING);
  EXPECT_EQ(watch.TakeSent(), HealthCheckResponse::NOT_SERVING);
  EXPECT_FALSE(watch.call.has_sent());
}

TEST_F(HealthServiceTest, WatchOfAnotherNameStaysOpenAndUnknown) {
  Watch watch(*this);
  watch.handler->OnMessage(RequestFor("latchkey.v2.Cache"));
  EXPECT_EQ(watch.TakeSent(), HealthCheckResponse::SERVICE_UNKNOWN);
  health_.SetServing(false);
  EXPECT_FALSE(watch.call.has_sent());
  EXPECT_FALSE(watch.call.is_finished());
}

TEST_F(HealthServiceTest, ACancelledWatchIsOverAndHearsNothingMore) {
  Watch watch(*this);
  watch.handler->OnMessage(RequestFor(""));
  EXPECT_EQ(watch.TakeSent(), HealthCheckResponse::SERVING);
  watch.call.End(EndReason::kClientCancelled);
  watch.handler->OnCancel();
  EXPECT_EQ(watch.call.error().code, kCancelled);
  // A message on a finished call would end the process.
  health_.SetServing(false);
}

TEST_F(HealthServiceTest, AWatchEndsForTheReasonOfItsToken) {
  struct Row {
    EndReason end;
    absl::StatusCode code;
  };
  for (const Row& row : {Row{EndReason::kConnectionLost, kCancelled},
                         Row{EndReason::kDraining, kUnavailable}}) {
    Watch watch(*this);
    watch.handler->OnMessage(RequestFor(""));
    watch.call.End(row.end);
    watch.handler->OnCancel();
    EXPECT_EQ(watch.call.error().code, row.code);
  }
  // No one ended it, so its deadline did.
  Watch watch(*this);
  watch.handler->OnCancel();
  EXPECT_EQ(watch.call.error().code, kDeadlineExceeded);
}

TEST_F(HealthServiceTest, AWatchWithoutItsRequestIsRefused) {
  Watch missing(*this);
  missing.handler->OnHalfClose();
  EXPECT_EQ(missing.call.error().code, kInvalidArgument);
  Watch garbage(*this);
  garbage.handler->OnMessage("\x07");
  EXPECT_EQ(garbage.call.error().code, kInvalidArgument);
}

TEST_F(HealthServiceTest, WatchersAreIndependent) {
  Watch first(*this);
  first.handler->OnMessage(RequestFor(""));
  EXPECT_EQ(first.TakeSent(), HealthCheckResponse::SERVING);
  {
    Watch second(*this);
    second.handler->OnMessage(RequestFor(""));
    EXPECT_EQ(second.TakeSent(), HealthCheckResponse::SERVING);
  }
  // The second is gone; the first still hears.
  health_.SetServing(false);
  EXPECT_EQ(first.TakeSent(), HealthCheckResponse::NOT_SERVING);
}

TEST_F(HealthServiceTest, ADrainEndsAWatchAfterTellingIt) {
  Watch watch(*this);
  watch.handler->OnMessage(RequestFor(""));
  EXPECT_EQ(watch.TakeSent(), HealthCheckResponse::SERVING);
  health_.Drain();
  EXPECT_FALSE(watch.call.is_finished());
  EXPECT_EQ(watch.TakeSent(), HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(watch.call.error().code, kUnavailable);
  EXPECT_EQ(watch.call.error().reason, "DRAINING");
}

TEST_F(HealthServiceTest, ADrainEndsAWatchThatHasNothingToHear) {
  Watch unknown(*this);
  unknown.handler->OnMessage(RequestFor("latchkey.v2.Cache"));
  EXPECT_EQ(unknown.TakeSent(), HealthCheckResponse::SERVICE_UNKNOWN);
  Watch silent(*this);
  health_.Drain();
  EXPECT_EQ(unknown.call.error().code, kUnavailable);
  EXPECT_EQ(silent.call.error().code, kUnavailable);
}

TEST_F(HealthServiceTest, AWatchThatBeginsDuringADrainIsToldAndEnds) {
  health_.Drain();
  Watch watch(*this);
  watch.handler->OnMessage(RequestFor(""));
  EXPECT_EQ(watch.TakeSent(), HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(watch.call.error().code, kUnavailable);
}

// A call of which two threads make use, one of them until it is told to stop.
// Send() tells OnSent() at once, as a transport may.
class BusyCall final : public Call {
 public:
  explicit BusyCall(const Clock& clock)
      : Call(clock, clock.Now()), source_(kNever) {}

  std::string_view method() const override { return ""; }
  std::string_view principal() const override { return ""; }
  std::optional<std::string_view> FindMetadata(
      std::string_view) const override {
    return std::nullopt;
  }
  DeadlineToken token() const override { return source_.token(); }

  DeadlineSource& source() { return source_; }
  bool is_finished() const { return finishes_ == 1; }
  void set_handler(StreamHandler* handler) { handler_ = handler; }

 private:
  void DoReply(const ReplyBody&, Trailers) override {}
  void DoFinish(const WireStatus&, Trailers) override {
    EXPECT_EQ(users_.fetch_add(1), 0) << "two threads in one call";
    ++finishes_;
    users_.fetch_sub(1);
  }
  void DoSend(const google::protobuf::MessageLite&) override {
    EXPECT_EQ(users_.fetch_add(1), 0) << "two threads in one call";
    EXPECT_EQ(finishes_, 0);
    std::this_thread::yield();
    users_.fetch_sub(1);
    handler_->OnSent();
  }
  void DoReceive() override {}

  DeadlineSource source_;
  StreamHandler* handler_ = nullptr;
  std::atomic<int> users_ = 0;
  std::atomic<int> finishes_ = 0;
};

TEST_F(HealthServiceTest, ACancelAndAChangeMayComeTogether) {
  for (int round = 0; round < 200; ++round) {
    BusyCall call(clock_);
    const auto handler =
        methods_.Find("/grpc.health.v1.Health/Watch")->stream(call);
    call.set_handler(handler.get());
    handler->OnMessage(RequestFor(""));
    std::jthread drainer([this] {
      for (int i = 0; i < 10; ++i) health_.SetServing(i % 2 == 0);
      health_.Drain();
    });
    call.source().End(EndReason::kClientCancelled);
    handler->OnCancel();
    drainer.join();
    EXPECT_TRUE(call.is_finished());
    handler->OnDone();
  }
}

}  // namespace
}  // namespace latchkey
