#include "tests/verify/direct_engine.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "latchkey/v1/cache.pb.h"

namespace latchkey::verify {
namespace {

constexpr NetworkFaults kNone = {0, 0, 0, 0, 0, 0};

// One call over an engine, and its end.
class DirectEngineTest : public ::testing::Test {
 protected:
  void Make(const NetworkFaults& faults) {
    engine_.emplace(DirectEngineOptions{.seed = 7, .faults = faults});
  }

  load::Completion Call(Method method,
                        const google::protobuf::MessageLite& request) {
    engine_->Port(0).Start(0, {method, &request});
    const auto completion = engine_->Port(0).Poll(0);
    EXPECT_TRUE(completion.has_value());
    return *completion;
  }

  load::Completion Increment(int64_t delta = 1) {
    v1::IncrementRequest request;
    request.set_key("counter");
    request.set_delta(delta);
    request.set_initial(0);
    return Call(Method::kIncrement, request);
  }

  // The counter as the server holds it.
  int64_t Counter() {
    v1::GetRequest request;
    request.set_key("counter");
    const std::string bytes = request.SerializeAsString();
    DirectCopy copy(engine_->server(), Method::kGet, bytes, {});
    copy.Run();
    v1::GetResponse response;
    EXPECT_TRUE(response.ParseFromString(copy.answer().response));
    return response.has_entry() ? std::stoll(response.entry().value()) : 0;
  }

  std::optional<DirectEngine> engine_;
};

TEST_F(DirectEngineTest, WithoutFaultsACallIsOneCopy) {
  Make(kNone);
  const load::Completion end = Increment(5);
  EXPECT_EQ(end.error, nullptr);
  EXPECT_EQ(end.outcome, client::Outcome::kOk);
  EXPECT_EQ(end.attempts, 1);
  EXPECT_EQ(end.hedges, 0);
  EXPECT_FALSE(end.replayed);
  EXPECT_EQ(end.idempotency_key.size(), 32u);
  v1::IncrementResponse response;
  EXPECT_TRUE(response.ParseFromString(std::string(end.response)));
  EXPECT_EQ(response.value(), 5);
}

TEST_F(DirectEngineTest, TheKeyOfTheRequestStays) {
  Make(kNone);
  v1::IncrementRequest request;
  request.set_key("counter");
  request.set_initial(0);
  request.set_delta(3);
  request.set_idempotency_key("mine");
  EXPECT_FALSE(Call(Method::kIncrement, request).replayed);
  const load::Completion again = Call(Method::kIncrement, request);
  EXPECT_TRUE(again.replayed);
  EXPECT_EQ(again.idempotency_key, "mine");
  EXPECT_EQ(Counter(), 3);
}

TEST_F(DirectEngineTest, LostRequestsChangeNothingAndNobodyKnows) {
  Make({1'000, 0, 0, 0, 0, 0});
  const load::Completion end = Increment();
  ASSERT_NE(end.error, nullptr);
  EXPECT_EQ(end.error->code, grpc::StatusCode::UNKNOWN);
  EXPECT_EQ(end.outcome, client::Outcome::kUnknown);
  EXPECT_EQ(end.attempts, 5);
  EXPECT_EQ(Counter(), 0);
}

TEST_F(DirectEngineTest, LostAnswersChangeOnceAndNobodyKnows) {
  Make({0, 1'000, 0, 0, 0, 0});
  const load::Completion end = Increment();
  EXPECT_EQ(end.outcome, client::Outcome::kUnknown);
  EXPECT_EQ(end.attempts, 5);
  EXPECT_EQ(Counter(), 1);
  EXPECT_EQ(engine_->violations().ToString(), "");
}

TEST_F(DirectEngineTest, ALostReadIsSurelyWithoutEffect) {
  Make({1'000, 0, 0, 0, 0, 0});
  v1::GetRequest request;
  request.set_key("k");
  EXPECT_EQ(Call(Method::kGet, request).outcome, client::Outcome::kNotApplied);
}

TEST_F(DirectEngineTest, TwoAtOnceChangeOnce) {
  Make({0, 0, 1'000, 0, 0, 0});
  for (int i = 1; i <= 200; ++i) {
    const load::Completion end = Increment();
    EXPECT_EQ(end.outcome, client::Outcome::kOk);
    EXPECT_EQ(end.attempts, 2);
    EXPECT_EQ(end.hedges, 1);
    EXPECT_EQ(Counter(), i);
  }
  EXPECT_EQ(engine_->violations().ToString(), "");
}

TEST_F(DirectEngineTest, AnEndedTokenChangesWhatItSays) {
  Make({0, 0, 0, 1'000, 0, 0});
  int64_t applied = 0;
  int refused = 0;
  for (int i = 0; i < 500; ++i) {
    const load::Completion end = Increment();
    ASSERT_NE(end.outcome, client::Outcome::kUnknown);
    if (end.outcome == client::Outcome::kOk) {
      ++applied;
    } else {
      ++refused;
      EXPECT_EQ(end.error->reason, "DRAINING");
    }
    ASSERT_EQ(Counter(), applied);
  }
  // The moment differs, so both happen.
  EXPECT_GT(applied, 0);
  EXPECT_GT(refused, 0);
  EXPECT_EQ(engine_->violations().ToString(), "");
}

TEST_F(DirectEngineTest, LateCopiesChangeNothing) {
  Make({0, 0, 0, 0, 1'000, 20});
  for (int i = 1; i <= 2'000; ++i) {
    if (i % 100 == 0) engine_->BeginRound();
    const load::Completion end = Increment();
    ASSERT_EQ(end.outcome, client::Outcome::kOk) << end.error->message;
    ASSERT_EQ(Counter(), i);
  }
  EXPECT_EQ(engine_->violations().ToString(), "");
  EXPECT_GT(engine_->counts().late_copies, 1'000u);
}

TEST_F(DirectEngineTest, TheClockWaitsForWhoeverDoesNotKnow) {
  Make({1'000, 0, 0, 0, 0, 1'000});
  EXPECT_EQ(Increment().outcome, client::Outcome::kUnknown);
  const UnixNanos before = engine_->server().clock().Now();
  v1::GetOutcomeRequest question;
  question.set_idempotency_key("k");
  Call(Method::kGetOutcome, question);
  EXPECT_EQ(engine_->server().clock().Now(), before);
  Increment();
  EXPECT_GT(engine_->server().clock().Now(), before);
}

TEST(DirectEngineThreadsTest, EachWriteCountsOnceWhateverGoesWrong) {
  constexpr size_t kThreads = 4;
  constexpr int kCalls = 1'000;
  DirectEngine engine({.threads = kThreads, .seed = 11});
  std::vector<std::thread> threads;
  std::atomic<int64_t> applied = 0;
  for (size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      load::CallPort& port = engine.Port(i);
      for (int call = 0; call < kCalls; ++call) {
        v1::IncrementRequest request;
        request.set_key("counter");
        request.set_delta(1);
        request.set_initial(0);
        port.Start(0, {Method::kIncrement, &request});
        auto end = port.Poll(0);
        ASSERT_TRUE(end.has_value());
        if (end->outcome == client::Outcome::kOk) ++applied;
        if (end->outcome != client::Outcome::kUnknown) continue;
        v1::GetOutcomeRequest question;
        question.set_idempotency_key(std::string(end->idempotency_key));
        question.set_fence(true);
        v1::GetOutcomeResponse outcome;
        do {
          port.Start(0, {Method::kGetOutcome, &question});
          end = port.Poll(0);
        } while (end->error != nullptr);
        ASSERT_TRUE(outcome.ParseFromString(std::string(end->response)));
        if (outcome.state() == v1::GetOutcomeResponse::DONE) ++applied;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  v1::GetRequest request;
  request.set_key("counter");
  const std::string bytes = request.SerializeAsString();
  DirectCopy copy(engine.server(), Method::kGet, bytes, {});
  copy.Run();
  v1::GetResponse response;
  ASSERT_TRUE(response.ParseFromString(copy.answer().response));
  EXPECT_EQ(response.entry().value(), std::to_string(applied));
  EXPECT_EQ(engine.violations().ToString(), "");
}

}  // namespace
}  // namespace latchkey::verify
