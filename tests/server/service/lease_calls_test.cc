// Leases over the service: what is granted and filled, and calls that wait for
// it without a thread.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "server/service/lease_wait.h"
#include "tests/server/service/service_fixture.h"
#include "tests/support/manual_executor.h"

namespace latchkey {
namespace {

class LeaseCallsTest : public ServiceTest {
 protected:
  static constexpr Nanos kTtl = kNanosPerSecond;

  v1::GetResponse Ask(const std::string& more = "") {
    return Must<v1::GetResponse>(
        "Get", "key: 'k' lease { ttl { seconds: 1 } } " + more);
  }

  // Begins a Get that waits for the lease of `k`.
  std::unique_ptr<FakeCall> Wait(UnixNanos deadline = kNever) {
    auto call = Begin(
        "Get",
        RequestBytes("Get", "key: 'k' lease { ttl { seconds: 1 } wait: true }"),
        deadline);
    EXPECT_FALSE(call->is_finished());
    return call;
  }

  absl::StatusCode Fill(const std::string& token, const std::string& value) {
    v1::PutRequest put;
    put.set_key("k");
    put.set_value(value);
    put.set_lease_token(token);
    const auto call = Call("Put", put.SerializeAsString());
    return call->ok() ? absl::StatusCode::kOk : call->error().code;
  }
};

TEST_F(LeaseCallsTest, AMissIsLeasedToOneWhoFillsIt) {
  const v1::GetResponse granted = Ask();
  EXPECT_FALSE(granted.has_entry());
  EXPECT_EQ(granted.lease().token().size(), 16u);
  EXPECT_EQ(granted.lease().ttl().seconds(), 1);
  EXPECT_TRUE(Ask().lease().held_by_other());
  EXPECT_EQ(Fill(granted.lease().token(), "v"), absl::StatusCode::kOk);
  EXPECT_EQ(Ask().entry().value(), "v");
  EXPECT_FALSE(Ask().has_lease());
}

TEST_F(LeaseCallsTest, AVoidTokenIsLost) {
  const FakeCallError error = Error("Put", "key: 'k' lease_token: 't'");
  EXPECT_EQ(error.code, absl::StatusCode::kAborted);
  EXPECT_EQ(error.reason, "LEASE_LOST");
  EXPECT_EQ(error.metadata.at("applied"), "no");
}

TEST_F(LeaseCallsTest, BadInputIsRefused) {
  struct Row {
    std::string method;
    std::string request;
    std::string reason;
    std::string field;
  };
  const std::vector<Row> rows = {
      {"Get", "key: 'k' lease {}", "INVALID_EXPIRATION", "lease.ttl"},
      {"Get", "key: 'k' lease { ttl { seconds: -1 } }", "INVALID_EXPIRATION",
       "lease.ttl"},
      {"Get",
       "key: 'k' lease { ttl { seconds: 1 } refresh_below { nanos: -1 } }",
       "INVALID_FIELD", "lease.refresh_below"},
      {"Get", "key: 'k' touch {} lease { ttl { seconds: 1 } }", "INVALID_FIELD",
       "lease"},
      {"Get", "key: '' lease { ttl { seconds: 1 } }", "INVALID_KEY", "key"},
      {"Put", "key: '' lease_token: 't'", "INVALID_KEY", "key"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.request);
    const FakeCallError error = Error(row.method, row.request);
    EXPECT_EQ(error.reason, row.reason);
    EXPECT_EQ(error.field, row.field);
  }
}

TEST_F(LeaseCallsTest, AThousandMissesAskTheOriginOnce) {
  int origin = 0;
  std::string token;
  std::vector<std::unique_ptr<FakeCall>> calls;
  for (int i = 0; i < 1'000; ++i) {
    calls.push_back(Begin(
        "Get", RequestBytes(
                   "Get", "key: 'k' lease { ttl { seconds: 1 } wait: true }")));
    if (!calls.back()->is_finished()) continue;
    token = calls.back()->reply<v1::GetResponse>().lease().token();
    ++origin;
  }
  EXPECT_EQ(origin, 1);
  EXPECT_EQ(Fill(token, "v"), absl::StatusCode::kOk);
  for (size_t i = 1; i < calls.size(); ++i) {
    ASSERT_TRUE(calls[i]->is_finished());
    EXPECT_EQ(calls[i]->reply<v1::GetResponse>().entry().value(), "v");
  }
}

TEST_F(LeaseCallsTest, AFillThatFailsLetsTheNextIn) {
  Ask();
  const auto first = Wait();
  const auto second = Wait();
  // Its time is over.
  clock().Advance(kTtl);
  store().SweepLeases(10);
  ASSERT_TRUE(first->is_finished());
  EXPECT_FALSE(first->reply<v1::GetResponse>().lease().token().empty());
  EXPECT_FALSE(second->is_finished());
  // It is given back.
  Must<v1::DeleteResponse>("Delete", "key: 'k'");
  ASSERT_TRUE(second->is_finished());
  EXPECT_EQ(Fill(first->reply<v1::GetResponse>().lease().token(), "old"),
            absl::StatusCode::kAborted);
  EXPECT_EQ(Fill(second->reply<v1::GetResponse>().lease().token(), "new"),
            absl::StatusCode::kOk);
}

TEST_F(LeaseCallsTest, AWaitEndsWithItsCall) {
  const std::string token = Ask().lease().token();
  const auto cancelled = Wait();
  const auto late = Wait(clock().Now() + kNanosPerMilli);
  const auto draining = Wait();
  const auto waits = Wait();
  cancelled->End(EndReason::kClientCancelled);
  EXPECT_EQ(cancelled->error().code, absl::StatusCode::kCancelled);
  clock().Advance(kNanosPerMilli);
  late->Expire(clock().Now());
  EXPECT_EQ(late->error().code, absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(late->error().reason, "EXPIRED_IN_QUEUE");
  draining->End(EndReason::kDraining);
  EXPECT_EQ(draining->error().reason, "DRAINING");
  EXPECT_EQ(store().Counters().leases.waiting, 1u);
  EXPECT_EQ(Fill(token, "v"), absl::StatusCode::kOk);
  EXPECT_EQ(waits->reply<v1::GetResponse>().entry().value(), "v");
}

TEST_F(LeaseCallsTest, ADrainEndsWhoWaits) {
  Ask();
  const auto waits = Wait();
  store().CloseLeases();
  EXPECT_EQ(waits->error().code, absl::StatusCode::kUnavailable);
  EXPECT_EQ(waits->error().reason, "DRAINING");
}

TEST_F(LeaseCallsTest, AWaiterThatHasTheVersionIsToldSo) {
  const std::string token = Ask().lease().token();
  const auto waits = Wait();
  EXPECT_EQ(Fill(token, "v"), absl::StatusCode::kOk);
  EXPECT_FALSE(waits->reply<v1::GetResponse>().not_modified());
}

// Between its taking out of the queue and its answer a wait cannot be ended.
TEST_F(LeaseCallsTest, AnEndThatComesWhileTheAnswerIsOnItsWayIsTooLate) {
  const GetOperation get = {.key = "k"};
  const LeaseDemand demand = {.ttl = kTtl, .wait = true};
  const std::string token = Ask().lease().token();
  ManualExecutor executor(clock());
  FakeCall call(clock());
  int answers = 0;
  const auto begun =
      LeaseWait::Start(store(), clock(), &executor, call, get, demand,
                       [&](const absl::StatusOr<LeasedGet>& answer) {
                         ++answers;
                         EXPECT_TRUE(answer.ok());
                       });
  ASSERT_TRUE(begun.ok() && begun->waits);
  EXPECT_EQ(Fill(token, "v"), absl::StatusCode::kOk);
  EXPECT_EQ(executor.pending(), 1u);
  call.End(EndReason::kClientCancelled);
  EXPECT_EQ(answers, 0);
  executor.RunReady();
  EXPECT_EQ(answers, 1);
}

// Whatever thread ends a wait, each call is finished once: FakeCall demands it.
TEST_F(LeaseCallsTest, FillsAndEndsRace) {
  const std::string bytes =
      RequestBytes("Get", "key: 'k' lease { ttl { seconds: 1 } wait: true }");
  constexpr int kRounds = 300;
  constexpr int kCalls = 16;
  for (int round = 0; round < kRounds; ++round) {
    Must<v1::DeleteResponse>("Delete", "key: 'k'");
    std::vector<std::unique_ptr<FakeCall>> calls(kCalls);
    const std::string token = Ask().lease().token();
    std::atomic<int> begun = 0;
    std::thread waiting([&] {
      for (auto& call : calls) {
        call = Begin("Get", bytes);
        begun.fetch_add(1, std::memory_order_release);
      }
    });
    std::thread ending([&] {
      for (int i = 0; i < kCalls; i += 2) {
        while (begun.load(std::memory_order_acquire) <= i) {
          std::this_thread::yield();
        }
        calls[static_cast<size_t>(i)]->End(EndReason::kClientCancelled);
      }
    });
    EXPECT_EQ(Fill(token, "v"), absl::StatusCode::kOk);
    waiting.join();
    ending.join();
    for (const auto& call : calls) ASSERT_TRUE(call->is_finished());
  }
  EXPECT_EQ(store().Counters().leases.waiting, 0u);
}

}  // namespace
}  // namespace latchkey
