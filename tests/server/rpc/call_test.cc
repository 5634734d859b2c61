#include "server/rpc/call.h"

#include <gtest/gtest.h>

#include "latchkey/v1/cache.pb.h"
#include "server/base/error.h"
#include "tests/support/fake_call.h"
#include "tests/support/fake_clock.h"

namespace latchkey {
namespace {

class CallTest : public ::testing::Test {
 protected:
  static v1::PutResponse Response() {
    v1::PutResponse response;
    response.set_version(7);
    return response;
  }

  FakeClock clock_;
  FakeCall call_{clock_};
};

using CallDeathTest = CallTest;

TEST_F(CallTest, RepliesWithItsResponseAndTrailers) {
  call_.AddTrailer("latchkey-replayed", "1");
  EXPECT_FALSE(call_.is_finished());
  call_.Reply(Response());
  EXPECT_TRUE(call_.is_finished());
  EXPECT_TRUE(call_.ok());
  EXPECT_EQ(call_.reply<v1::PutResponse>().version(), 7);
  EXPECT_EQ(call_.trailers(), (Trailers{{"latchkey-replayed", "1"}}));
}

TEST_F(CallTest, FailsWithTheDetailsOfItsError) {
  call_.AddTrailer("grpc-retry-pushback-ms", "5");
  call_.Fail(MakeError(absl::StatusCode::kUnavailable, ErrorReason::kOverloaded,
                       "too much"));
  EXPECT_FALSE(call_.ok());
  EXPECT_EQ(call_.error().code, absl::StatusCode::kUnavailable);
  EXPECT_EQ(call_.error().reason, "OVERLOADED");
  EXPECT_EQ(call_.trailers(), (Trailers{{"grpc-retry-pushback-ms", "5"}}));
}

TEST_F(CallTest, ClosesAStreamWithOk) {
  call_.Send(Response());
  EXPECT_EQ(call_.Sent<v1::PutResponse>().version(), 7);
  call_.Close();
  EXPECT_TRUE(call_.ok());
}

TEST_F(CallTest, TellsItsTimeInTheServerWhereAsked) {
  call_.SetMetadata("latchkey-timing", "1");
  clock_.Advance(1'234'567);
  call_.Reply(Response());
  EXPECT_EQ(call_.trailers(), (Trailers{{"latchkey-server-us", "1234"}}));
}

TEST_F(CallTest, TellsItsTimeBesideAnError) {
  call_.SetMetadata("latchkey-timing", "1");
  clock_.Advance(2 * kNanosPerMicro);
  call_.Fail(absl::CancelledError("gone"));
  EXPECT_EQ(call_.trailers(), (Trailers{{"latchkey-server-us", "2"}}));
}

TEST_F(CallTest, KeepsItsTimeToItselfWhereNotAsked) {
  call_.SetMetadata("latchkey-timing", "0");
  call_.Reply(Response());
  EXPECT_TRUE(call_.trailers().empty());
}

TEST_F(CallDeathTest, IsFinishedOnce) {
  call_.Reply(Response());
  EXPECT_DEATH(call_.Reply(Response()), "finished once");
  EXPECT_DEATH(call_.Fail(absl::CancelledError("gone")), "finished once");
  EXPECT_DEATH(call_.Close(), "finished once");
}

TEST_F(CallDeathTest, IsFinishedOnceAfterAnError) {
  call_.Fail(absl::CancelledError("gone"));
  EXPECT_DEATH(call_.Reply(Response()), "finished once");
}

TEST_F(CallDeathTest, IsOverWhenFinished) {
  call_.Close();
  EXPECT_DEATH(call_.AddTrailer("a", "b"), "before the end");
  EXPECT_DEATH(call_.Send(Response()), "before the end");
  EXPECT_DEATH(call_.Receive(), "receives nothing");
}

TEST_F(CallDeathTest, DoesNotFailWithOk) {
  EXPECT_DEATH(call_.Fail(absl::OkStatus()), "fails with an error");
}

}  // namespace
}  // namespace latchkey
