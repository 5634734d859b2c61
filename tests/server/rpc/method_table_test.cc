#include "server/rpc/method_table.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "latchkey/v1/cache.pb.h"
#include "tests/support/fake_call.h"
#include "tests/support/fake_clock.h"

namespace latchkey {
namespace {

using enum absl::StatusCode;

// Answers with the request's bytes as the key of an entry.
void Echo(Call& call, std::string_view request) {
  v1::Entry entry;
  entry.set_key(std::string(request));
  call.Reply(entry);
}

class ClosingHandler final : public StreamHandler {
 public:
  explicit ClosingHandler(Call& call) { call.Close(); }
  void OnMessage(std::string_view) override {}
  void OnHalfClose() override {}
  void OnCancel() override {}
};

class MethodTableTest : public ::testing::Test {
 protected:
  MethodTableTest() {
    methods_.AddUnary("/a.B/Echo", Echo);
    methods_.AddStream("/a.B/Close", [](Call& call) {
      return std::make_unique<ClosingHandler>(call);
    });
  }

  FakeClock clock_;
  MethodTable methods_;
};

using MethodTableDeathTest = MethodTableTest;

TEST_F(MethodTableTest, FindsWhatWasAdded) {
  const Method* echo = methods_.Find("/a.B/Echo");
  ASSERT_NE(echo, nullptr);
  EXPECT_FALSE(echo->stream);
  FakeCall call(clock_);
  DispatchUnary(*echo, call, "hello", clock_.Now());
  EXPECT_EQ(call.reply<v1::Entry>().key(), "hello");

  const Method* close = methods_.Find("/a.B/Close");
  ASSERT_NE(close, nullptr);
  EXPECT_FALSE(close->unary);
  FakeCall stream(clock_);
  EXPECT_NE(close->stream(stream), nullptr);
  EXPECT_TRUE(stream.ok());
}

TEST_F(MethodTableTest, FindsNothingElse) {
  for (const char* path : {"", "/", "/a.B", "/a.B/", "/a.B/echo", "a.B/Echo",
                           "/a.B/Echo/", "//a.B/Echo"}) {
    EXPECT_EQ(methods_.Find(path), nullptr) << path;
  }
}

TEST_F(MethodTableTest, UnknownMethodsAreUnimplemented) {
  EXPECT_EQ(UnknownMethodError("/a.B/C"),
            absl::UnimplementedError("no such method: /a.B/C"));
  // A path of any length makes a short message.
  EXPECT_LT(UnknownMethodError(std::string(100'000, 'x')).message().size(),
            300u);
}

TEST_F(MethodTableDeathTest, AMethodHasOneHandler) {
  EXPECT_DEATH(methods_.AddUnary("/a.B/Echo", Echo), "one handler");
  EXPECT_DEATH(methods_.AddUnary("/a.B/Close", Echo), "one handler");
  EXPECT_DEATH(methods_.AddStream("/a.B/Echo", {}), "one handler");
}

// The handler must not be reached: it would reply.
TEST_F(MethodTableTest, AnExpiredCallIsAnsweredOnArrival) {
  FakeCall call(clock_, clock_.Now());
  DispatchUnary(*methods_.Find("/a.B/Echo"), call, "hello", clock_.Now());
  EXPECT_EQ(call.error().code, kDeadlineExceeded);
  EXPECT_EQ(call.error().reason, "EXPIRED_ON_ARRIVAL");
  EXPECT_EQ(call.error().metadata.at("applied"), "no");
}

TEST_F(MethodTableTest, ACallWithTimeLeftReachesItsHandler) {
  FakeCall call(clock_, clock_.Now() + 1);
  DispatchUnary(*methods_.Find("/a.B/Echo"), call, "hello", clock_.Now());
  EXPECT_TRUE(call.ok());
}

TEST_F(MethodTableTest, ACancelledCallIsAnsweredOnArrival) {
  FakeCall call(clock_);
  call.End(EndReason::kClientCancelled);
  DispatchUnary(*methods_.Find("/a.B/Echo"), call, "hello", clock_.Now());
  EXPECT_EQ(call.error().code, kCancelled);
  EXPECT_EQ(call.error().metadata.at("applied"), "no");
}

TEST_F(MethodTableTest, ADrainedCallIsRefusedOnArrival) {
  FakeCall call(clock_);
  call.End(EndReason::kDraining);
  DispatchUnary(*methods_.Find("/a.B/Echo"), call, "hello", clock_.Now());
  EXPECT_EQ(call.error().code, kUnavailable);
  EXPECT_EQ(call.error().reason, "DRAINING");
}

}  // namespace
}  // namespace latchkey
