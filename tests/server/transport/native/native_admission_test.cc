// What becomes of calls that come while their thread is busy.

#include <gtest/gtest.h>

#include <string>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "proto/wire/base64.h"
#include "tests/server/transport/native/native_fixture.h"

namespace latchkey {
namespace {

constexpr char kSized[] = "/test.Test/Sized";

class NativeAdmissionTest : public NativeServerTest {
 protected:
  NativeAdmissionTest() : NativeServerTest(NativeServerOptions{}) {}

  // A call whose handler counts.
  static std::string Counted(int stream, const HeaderList& more = {}) {
    return RawClient::Headers(stream, kSized, more) +
           Data(stream, Framed(Request("1")));
  }

  // Sends `calls` in one piece behind a call that keeps the thread for `time`.
  void SendBehindBusyThread(const std::string& calls, Nanos time) {
    client_.Send(RawClient::Headers(1, "/test.Test/Block") +
                 Data(1, Framed(Request("x"))) + calls);
    WaitUntil([this] { return blocked_.load(); });
    const UnixNanos end = clock_.Now() + time;
    WaitUntil([this, end] { return clock_.Now() >= end; });
    blocked_ = false;
    EXPECT_EQ(client_.Await(1).status, "0");
  }

  // The reason and `applied` of an error.
  static std::string ReasonOf(RawAnswer& answer) {
    google::rpc::Status status;
    google::rpc::ErrorInfo info;
    const auto details =
        wire::Base64Decode(answer.headers["grpc-status-details-bin"]);
    EXPECT_TRUE(details.has_value() && status.ParseFromString(*details) &&
                status.details_size() == 1 &&
                status.details(0).UnpackTo(&info));
    return info.reason() + ", applied=" + info.metadata().at("applied");
  }

  uint64_t Shed(ShedCause cause) {
    return methods_.metrics().admission().shed(cause);
  }
};

TEST_F(NativeAdmissionTest, WhatWaitedRuns) {
  SendBehindBusyThread(Counted(3) + Counted(5), 2 * kNanosPerMilli);
  EXPECT_EQ(client_.Await(3).status, "0");
  EXPECT_EQ(client_.Await(5).status, "0");
  EXPECT_EQ(sized_calls_, 2);
  EXPECT_EQ(methods_.metrics().admission().waits(), 2u);
}

TEST_F(NativeAdmissionTest, WhatExpiredInTheQueueDoesNotRun) {
  // Behind one that has no deadline, and whose time nobody knows.
  SendBehindBusyThread(Counted(3, {{"grpc-timeout", "3m"}}),
                       5 * kNanosPerMilli);
  RawAnswer answer = client_.Await(3);
  EXPECT_EQ(answer.status, "4");
  EXPECT_EQ(ReasonOf(answer), "EXPIRED_IN_QUEUE, applied=no");
  EXPECT_EQ(sized_calls_, 0);
}

TEST_F(NativeAdmissionTest, WhatCannotBeDoneInTimeIsRefusedAtOnce) {
  // From the busy call it is known that one takes 10 ms.
  SendBehindBusyThread(Counted(3) + Counted(5, {{"grpc-timeout", "9m"}}),
                       10 * kNanosPerMilli);
  RawAnswer answer = client_.Await(5);
  EXPECT_EQ(answer.status, "14");
  EXPECT_EQ(ReasonOf(answer), "OVERLOADED, applied=no");
  EXPECT_GE(std::stoi(answer.headers["grpc-retry-pushback-ms"]), 10);
  EXPECT_EQ(client_.Await(3).status, "0");
  EXPECT_EQ(sized_calls_, 1);
  EXPECT_EQ(Shed(ShedCause::kTooLate), 1u);
}

TEST_F(NativeAdmissionTest, ARetryIsRefusedWhereAFirstAttemptIsNot) {
  const HeaderList retry = {{"grpc-timeout", "15000u"},
                            {"grpc-previous-rpc-attempts", "1"}};
  SendBehindBusyThread(Counted(3) + Counted(5, retry), 10 * kNanosPerMilli);
  RawAnswer answer = client_.Await(5);
  EXPECT_EQ(ReasonOf(answer), "OVERLOADED, applied=no");
  EXPECT_EQ(client_.Await(3).status, "0");
  EXPECT_EQ(sized_calls_, 1);
}

TEST_F(NativeAdmissionTest, WhatWasResetWhileItWaitedDoesNotRun) {
  SendBehindBusyThread(Counted(3) + Counted(5) + Reset(3), 2 * kNanosPerMilli);
  EXPECT_EQ(client_.Await(5).status, "0");
  EXPECT_EQ(sized_calls_, 1);
}

TEST_F(NativeAdmissionTest, AConnectionMayGoWhileItsCallsWait) {
  {
    RawClient other(port_);
    other.Handshake();
    // To the server it is closed in the pass after the one that reads these.
    other.Send(RawClient::Headers(1, "/test.Test/Block") +
               Data(1, Framed(Request("x"))) + Counted(3));
    WaitUntil([this] { return blocked_.load(); });
  }
  const UnixNanos end = clock_.Now() + 2 * kNanosPerMilli;
  WaitUntil([this, end] { return clock_.Now() >= end; });
  blocked_ = false;
  WaitUntil([this] { return server_->live_calls() == 0; });
  EXPECT_EQ(sized_calls_, 0);
}

TEST_F(NativeAdmissionTest, HealthIsToldBeforeWhatWaits) {
  SendBehindBusyThread(Counted(3) + RawClient::Headers(5, "/test.Test/Health") +
                           Data(5, Framed(Request("x"))),
                       2 * kNanosPerMilli);
  EXPECT_EQ(client_.Await(5).status, "0");
  EXPECT_EQ(client_.Await(3).status, "0");
  EXPECT_EQ(methods_.metrics().admission().waits(), 1u);
}

}  // namespace
}  // namespace latchkey
