#include "server/rpc/rpc_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "latchkey/v1/cache.pb.h"
#include "server/rpc/method_table.h"
#include "tests/support/fake_call.h"
#include "tests/support/fake_clock.h"

namespace latchkey {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kEcho[] = "/a.B/Echo";
constexpr char kFail[] = "/a.B/Fail";
constexpr char kStream[] = "/a.B/Stream";

class SilentHandler final : public StreamHandler {
 public:
  void OnMessage(std::string_view) override {}
  void OnHalfClose() override {}
  void OnCancel() override {}
};

class RpcMetricsTest : public ::testing::Test {
 protected:
  RpcMetricsTest() {
    methods_.AddUnary(kEcho, [this](Call& call, std::string_view request) {
      clock_.Advance(work_);
      v1::Entry entry;
      entry.set_key(std::string(request));
      call.Reply(entry);
    });
    methods_.AddUnary(
        kFail, [this](Call& call, std::string_view) { call.Fail(error_); });
    methods_.AddStream(kStream,
                       [](Call&) { return std::make_unique<SilentHandler>(); });
  }

  // Calls `path` as a transport does.
  void Dispatch(const char* path, std::string_view request,
                UnixNanos deadline = kNever) {
    FakeCall call(clock_, deadline);
    DispatchUnary(*methods_.Find(path), call, request, clock_.Now());
    EXPECT_TRUE(call.is_finished());
  }

  const MethodMetrics& Of(const char* path) {
    return *methods_.Find(path)->metrics;
  }

  std::string Text() const {
    MetricsText text;
    methods_.metrics().Collect(text);
    return text.text();
  }

  FakeClock clock_;
  Nanos work_ = 0;
  absl::Status error_ =
      MakeError(absl::StatusCode::kAborted, ErrorReason::kPreconditionFailed,
                "version is 7");
  MethodTable methods_;
};

TEST_F(RpcMetricsTest, CountsACallUnderItsMethodCodeAndTime) {
  work_ = 30 * kNanosPerMicro;
  Dispatch(kEcho, "hello");
  work_ = 7 * kNanosPerSecond;
  Dispatch(kEcho, "you");
  const MethodMetrics& echo = Of(kEcho);
  EXPECT_EQ(echo.service(), "a.B");
  EXPECT_EQ(echo.name(), "Echo");
  EXPECT_EQ(echo.calls(), 2u);
  EXPECT_EQ(echo.calls(0), 2u);
  EXPECT_EQ(echo.duration_sum(), 30 * kNanosPerMicro + 7 * kNanosPerSecond);
  EXPECT_EQ(echo.durations()[DurationBucket(30 * kNanosPerMicro)], 1u);
  EXPECT_EQ(echo.durations()[DurationBucket(7 * kNanosPerSecond)], 1u);
  EXPECT_EQ(echo.request_bytes(), 8u);
  // A tag and a length before each key.
  EXPECT_EQ(echo.reply_bytes(), 12u);
  EXPECT_EQ(Of(kFail).calls(), 0u);
}

TEST_F(RpcMetricsTest, CountsAnErrorByItsCodeAndReason) {
  Dispatch(kFail, "1");
  Dispatch(kFail, "2");
  error_ = absl::CancelledError("gone");
  Dispatch(kFail, "3");
  EXPECT_EQ(Of(kFail).calls(), 3u);
  EXPECT_EQ(Of(kFail).calls(10), 2u);
  EXPECT_EQ(Of(kFail).calls(1), 1u);
  const RpcMetrics& metrics = methods_.metrics();
  EXPECT_EQ(metrics.errors(ErrorReason::kPreconditionFailed), 2u);
  EXPECT_EQ(metrics.errors(ErrorReason::kUnspecified), 1u);
  EXPECT_THAT(Text(), HasSubstr("latchkey_errors_total{err=\"PRECONDITION_"
                                "FAILED\"} 2\n"));
  EXPECT_THAT(Text(), HasSubstr("latchkey_cancelled_total{stage=\"before_"
                                "commit\"} 1\n"));
  EXPECT_THAT(Text(), HasSubstr("latchkey_commands_total{service=\"a.B\",cmd="
                                "\"Fail\",code=\"ABORTED\"} 2\n"));
  EXPECT_THAT(Text(), HasSubstr("latchkey_commands_total{service=\"a.B\",cmd="
                                "\"Fail\",code=\"OK\"} 0\n"));
  EXPECT_THAT(Text(), Not(HasSubstr("NOT_FOUND\"} 0\n"
                                    "latchkey_commands_duration")));
}

TEST_F(RpcMetricsTest, CountsWhatNeverReachedItsHandler) {
  Dispatch(kEcho, "late", clock_.Now());
  EXPECT_EQ(Of(kEcho).calls(4), 1u);
  EXPECT_EQ(methods_.metrics().errors(ErrorReason::kExpiredOnArrival), 1u);
  EXPECT_THAT(Text(), HasSubstr("latchkey_deadline_expired_total{stage="
                                "\"arrival\"} 1\n"));
}

// FakeCall's path is of no method here.
TEST_F(RpcMetricsTest, CountsUnknownMethodsAsOne) {
  FakeCall call(clock_);
  methods_.Count(call, methods_.Find(call.method()));
  call.Fail(UnknownMethodError(call.method()));
  EXPECT_EQ(methods_.metrics().unknown().calls(12), 1u);
  EXPECT_THAT(Text(), Not(HasSubstr("test.Service")));
}

TEST_F(RpcMetricsTest, CountsARefusalUnderItsMethod) {
  methods_.AddUnary("/test.Service/Method", {});
  FakeCall call(clock_);
  methods_.Count(call, methods_.Find(call.method()));
  call.Fail(EndedError(EndReason::kDraining, DeadlineStage::kArrival));
  EXPECT_EQ(Of("/test.Service/Method").calls(14), 1u);
  EXPECT_THAT(Text(),
              HasSubstr("latchkey_shed_total{reason=\"DRAINING\"} 1\n"));
}

TEST_F(RpcMetricsTest, CountsAStreamsMessagesAndItsEnd) {
  methods_.AddStream("/test.Service/Method",
                     [](Call&) { return std::make_unique<SilentHandler>(); });
  FakeCall call(clock_);
  methods_.Count(call, methods_.Find(call.method()));
  const MethodMetrics& stream = Of("/test.Service/Method");
  v1::Entry entry;
  entry.set_key("1234");
  call.Send(entry);
  EXPECT_EQ(stream.reply_bytes(), 6u);
  EXPECT_EQ(stream.calls(), 0u);
  clock_.Advance(kNanosPerSecond);
  call.Fail(absl::CancelledError("gone"));
  EXPECT_EQ(stream.calls(1), 1u);
  EXPECT_EQ(stream.duration_sum(), kNanosPerSecond);
  // A stream is ended by its client's cancel as a matter of course.
  EXPECT_THAT(Text(), HasSubstr("latchkey_cancelled_total{stage=\"before_"
                                "commit\"} 0\n"));
}

// Whoever has the answer finds it counted.
TEST_F(RpcMetricsTest, CountsBeforeTheAnswerGoesOut) {
  class Watching final : public Call {
   public:
    Watching(const Clock& clock, const MethodMetrics& metrics)
        : Call(clock, clock.Now()), metrics_(metrics) {}
    std::string_view method() const override { return kEcho; }
    std::string_view principal() const override { return {}; }
    std::optional<std::string_view> FindMetadata(
        std::string_view) const override {
      return std::nullopt;
    }
    DeadlineToken token() const override { return source_.token(); }
    uint64_t seen = 0;

   private:
    void DoReply(const ReplyBody&, Trailers) override {
      seen = metrics_.calls();
    }
    void DoFinish(const WireStatus&, Trailers) override {}
    void DoSend(const google::protobuf::MessageLite&) override {}
    void DoReceive() override {}

    DeadlineSource source_{kNever};
    const MethodMetrics& metrics_;
  };
  Watching call(clock_, Of(kEcho));
  DispatchUnary(*methods_.Find(kEcho), call, "hello", clock_.Now());
  EXPECT_EQ(call.seen, 1u);
}

}  // namespace
}  // namespace latchkey
