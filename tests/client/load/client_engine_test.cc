// The client's engine over real sockets, against a server that answers as it is
// told.

#include "client/load/client_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "client/verify/messages.h"
#include "tests/client/lib/fake_cache.h"

namespace latchkey::load {
namespace {

using client::FakeCache;
using client::Held;
using client::MakeStatus;
using client::Outcome;
using client::Unavailable;
using testing::HasSubstr;
using testing::SizeIs;

class ClientEngineTest : public testing::Test {
 protected:
  ClientEngineTest() { Connect({}); }

  void Connect(ClientEngineOptions options) {
    options.target.address = cache_.address();
    // gRPC keeps it by the real clock, on a machine that may be busy.
    options.timeout = 300 * kNanosPerSecond;
    engine_ = std::make_unique<ClientEngine>(options);
    ASSERT_TRUE(engine_->Connect(60 * kNanosPerSecond).ok());
  }

  CallPort& port() { return engine_->Port(0); }

  // The end of one call; what it points to lives until the next one.
  Completion Send(Method method, const google::protobuf::MessageLite& request) {
    port().Start(0, {method, &request});
    return Await();
  }

  Completion Await() {
    while (true) {
      const auto completion = port().Poll(port().Now() + kNanosPerSecond);
      if (completion) return *completion;
    }
  }

  static v1::PutRequest PutOf(const std::string& key) {
    v1::PutRequest put;
    put.set_key(key);
    return put;
  }

  FakeCache cache_;
  std::unique_ptr<ClientEngine> engine_;
};

TEST_F(ClientEngineTest, CarriesEveryMethodAndGivesWritesAKey) {
  for (size_t i = 0; i < verify::kMethods; ++i) {
    const auto method = static_cast<Method>(i);
    const std::string name(verify::MethodName(method));
    verify::VisitMethod(method, [&]<typename Types>(Types) {
      const typename Types::Request request;
      const size_t before = cache_.SeenOf(name).size();
      const Completion completion = Send(method, request);
      EXPECT_EQ(completion.error, nullptr) << name;
      EXPECT_EQ(completion.outcome, Outcome::kOk);
      EXPECT_EQ(completion.attempts, 1);
      EXPECT_EQ(completion.idempotency_key.empty(), !IsWrite(method)) << name;
      // A write may have asked for a stamp first, by a GetOutcome.
      const auto seen = cache_.SeenOf(name);
      ASSERT_GT(seen.size(), before) << name;
      if (IsWrite(method)) {
        EXPECT_EQ(seen.back().idempotency_key, completion.idempotency_key);
      }
    });
  }
}

TEST_F(ClientEngineTest, HandsTheAnswerOnAsBytes) {
  const Completion completion = Send(Method::kPut, PutOf("k"));
  v1::PutResponse response;
  ASSERT_TRUE(verify::ParseMessage(completion.response, &response));
  EXPECT_GT(response.version(), 0u);
}

TEST_F(ClientEngineTest, KeepsAGivenKey) {
  v1::PutRequest put = PutOf("k");
  put.set_idempotency_key("given");
  EXPECT_EQ(Send(Method::kPut, put).idempotency_key, "given");
}

TEST_F(ClientEngineTest, RetriesAndSaysSo) {
  Send(Method::kPut, PutOf("first"));
  cache_.Script("Put", {Unavailable(), Unavailable(), {}});
  const Completion completion = Send(Method::kPut, PutOf("k"));
  EXPECT_EQ(completion.error, nullptr);
  EXPECT_EQ(completion.attempts, 3);
  EXPECT_EQ(completion.hedges, 0);
  EXPECT_THAT(cache_.SeenOf("Put"), SizeIs(4));
}

TEST_F(ClientEngineTest, HedgesAndSaysSo) {
  Connect({.hedge_delay = kNanosPerMilli});
  Send(Method::kPut, PutOf("first"));
  cache_.Script("Put", {Held(), {}});
  const Completion completion = Send(Method::kPut, PutOf("k"));
  EXPECT_EQ(completion.error, nullptr);
  EXPECT_EQ(completion.attempts, 2);
  EXPECT_EQ(completion.hedges, 1);
}

TEST_F(ClientEngineTest, TellsAReplay) {
  EXPECT_FALSE(Send(Method::kPut, PutOf("k")).replayed);
  cache_.Script("Put", {{.trailers = {{"latchkey-replayed", "1"}}}});
  EXPECT_TRUE(Send(Method::kPut, PutOf("k")).replayed);
}

TEST_F(ClientEngineTest, TellsWhatIsKnownOfAFailure) {
  Send(Method::kPut, PutOf("first"));
  cache_.Script("Put",
                {{.status = MakeStatus(grpc::StatusCode::ABORTED,
                                       "PRECONDITION_FAILED", "no")},
                 {.status = MakeStatus(grpc::StatusCode::INTERNAL, "", "")}});
  const Completion refused = Send(Method::kPut, PutOf("k"));
  ASSERT_NE(refused.error, nullptr);
  EXPECT_EQ(refused.error->reason, "PRECONDITION_FAILED");
  EXPECT_EQ(refused.outcome, Outcome::kNotApplied);
  EXPECT_EQ(refused.response, "");
  const Completion broken = Send(Method::kPut, PutOf("k"));
  ASSERT_NE(broken.error, nullptr);
  EXPECT_EQ(broken.outcome, Outcome::kUnknown);
  EXPECT_NE(broken.idempotency_key, "");
}

TEST_F(ClientEngineTest, ManyCallsAtATime) {
  Connect({.connections = 3, .in_flight = 5});
  ASSERT_EQ(engine_->SlotCount(0), 15u);
  const v1::PutRequest put = PutOf("k");
  std::vector<int> ended(15);
  for (size_t slot = 0; slot < 15; ++slot) {
    port().Start(slot, {Method::kPut, &put});
  }
  for (int i = 0; i < 300; ++i) {
    const size_t slot = Await().slot;
    if (++ended[slot] < 20) port().Start(slot, {Method::kPut, &put});
  }
  EXPECT_THAT(ended, testing::Each(20));
}

TEST_F(ClientEngineTest, APollWithNothingToEndEndsInTime) {
  const Nanos until = port().Now() + kNanosPerMilli;
  EXPECT_FALSE(port().Poll(until).has_value());
  EXPECT_GE(port().Now(), until);
}

TEST_F(ClientEngineTest, MayEndWithCallsUnderWay) {
  Send(Method::kPut, PutOf("first"));
  cache_.Script("Put", {Held()});
  const v1::PutRequest put = PutOf("k");
  port().Start(0, {Method::kPut, &put});
  cache_.AwaitSeen("Put", 2);
  engine_.reset();
  cache_.AwaitCancelled(1);
}

TEST_F(ClientEngineTest, SaysWhoCannotBeReached) {
  ClientEngine engine({.target = {.address = "127.0.0.1:1"}});
  const absl::Status status = engine.Connect(200 * kNanosPerMilli);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("127.0.0.1:1"));
}

}  // namespace
}  // namespace latchkey::load
