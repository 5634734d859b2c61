#include "client/lib/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "tests/client/lib/client_fixture.h"
#include "tests/client/lib/fake_cache.h"

namespace latchkey::client {
namespace {

using grpc::StatusCode;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::SizeIs;

class ClientTest : public ClientFixture {
 protected:
  // Fires that many timers and returns their delays.
  std::vector<Duration> Fire(int count) {
    std::vector<Duration> delays;
    for (int i = 0; i < count; ++i) delays.push_back(timers_.FireNext());
    return delays;
  }
};

// --- Every RPC -------------------------------------------------------------

TEST_F(ClientTest, EveryRpcReachesItsMethod) {
  struct {
    const char* rpc;
    bool keyed;
    std::function<bool(std::string& key)> call;
  } const rows[] = {
      {"Get", false,
       [&](std::string&) { return client_->Get({}).response.not_modified(); }},
      {"BatchGet", false,
       [&](std::string&) {
         return client_->BatchGet({}).response.results_size() == 1;
       }},
      {"Put", true,
       [&](std::string& key) {
         const auto result = client_->Put({});
         key = result.idempotency_key;
         return result.response.version() == 7;
       }},
      {"BatchPut", true,
       [&](std::string& key) {
         const auto result = client_->BatchPut({});
         key = result.idempotency_key;
         return result.response.results_size() == 1;
       }},
      {"Delete", true,
       [&](std::string& key) {
         const auto result = client_->Delete({});
         key = result.idempotency_key;
         return result.response.version() == 7;
       }},
      {"BatchDelete", true,
       [&](std::string& key) {
         const auto result = client_->BatchDelete({});
         key = result.idempotency_key;
         return result.response.results_size() == 1;
       }},
      {"Increment", true,
       [&](std::string& key) {
         const auto result = client_->Increment({});
         key = result.idempotency_key;
         return result.response.version() == 7;
       }},
      {"Touch", true,
       [&](std::string& key) {
         const auto result = client_->Touch({});
         key = result.idempotency_key;
         return result.response.version() == 7;
       }},
      {"Move", true,
       [&](std::string& key) {
         const auto result = client_->Move({});
         key = result.idempotency_key;
         return result.response.version() == 7;
       }},
      {"Transfer", true,
       [&](std::string& key) {
         const auto result = client_->Transfer({});
         key = result.idempotency_key;
         return result.response.version() == 7;
       }},
      {"Transact", true,
       [&](std::string& key) {
         const auto result = client_->Transact({});
         key = result.idempotency_key;
         return result.response.version() == 7;
       }},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.rpc);
    std::string key;
    EXPECT_TRUE(row.call(key));
    const std::vector<Seen> seen = cache_.SeenOf(row.rpc);
    ASSERT_THAT(seen, SizeIs(1));
    EXPECT_EQ(seen[0].idempotency_key, key);
    EXPECT_EQ(key.size(), row.keyed ? 16u : 0u);
    // The first read asks; from then on the client has one.
    EXPECT_EQ(seen[0].stamp, row.keyed                       ? "stamp-1"
                             : row.rpc == std::string("Get") ? "?"
                                                             : "");
  }
}

TEST_F(ClientTest, GetOutcomeAsksForTheKeyItIsGiven) {
  v1::GetOutcomeRequest request;
  request.set_idempotency_key("other");
  const auto result = client_->GetOutcome(request);
  EXPECT_EQ(result.response.method(), "method");
  EXPECT_EQ(result.idempotency_key, "");
  ASSERT_THAT(cache_.SeenOf("GetOutcome"), SizeIs(1));
  EXPECT_EQ(cache_.SeenOf("GetOutcome")[0].idempotency_key, "other");
}

TEST_F(ClientTest, TheResultTellsAllOfAnError) {
  cache_.Script("Put", {{.status = MakeStatus(StatusCode::ABORTED,
                                              "PRECONDITION_FAILED", "no")}});
  const PutResult result = client_->Put(PutOf("k"));
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(result.error.code, StatusCode::ABORTED);
  EXPECT_EQ(result.error.reason, "PRECONDITION_FAILED");
  EXPECT_EQ(result.outcome, Outcome::kNotApplied);
  EXPECT_EQ(result.attempts, 1);
  EXPECT_FALSE(result.replayed);
  EXPECT_EQ(result.response.version(), 0u);
}

// --- Retries ---------------------------------------------------------------

TEST_F(ClientTest, EveryCopyCarriesTheKeyAndStampOfTheFirst) {
  LearnStamp();
  // The second copy's answer brings another stamp; the write keeps its own.
  cache_.Script("Put", {Overloaded(), Overloaded(), {}});
  cache_.set_stamp("stamp-2");
  auto put = StartPut();
  EXPECT_THAT(Fire(2), ElementsAre(milliseconds(5), milliseconds(10)));

  const PutResult result = put.get();
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(result.outcome, Outcome::kOk);
  EXPECT_EQ(result.attempts, 3);
  std::vector<Seen> seen = cache_.SeenOf("Put");
  ASSERT_THAT(seen, SizeIs(4));
  seen.erase(seen.begin());
  EXPECT_EQ(result.idempotency_key.size(), 16u);
  for (const Seen& copy : seen) {
    EXPECT_EQ(copy.idempotency_key, result.idempotency_key);
    EXPECT_EQ(copy.stamp, "stamp-1");
    EXPECT_EQ(copy.request, seen[0].request);
  }
  EXPECT_EQ(seen[0].previous_attempts, "");
  EXPECT_EQ(seen[1].previous_attempts, "1");
  EXPECT_EQ(seen[2].previous_attempts, "2");

  client_->Put(PutOf("k"));
  EXPECT_EQ(cache_.SeenOf("Put")[4].stamp, "stamp-2");
  EXPECT_NE(cache_.SeenOf("Put")[4].idempotency_key, result.idempotency_key);
}

TEST_F(ClientTest, GivesUpAfterFiveCopies) {
  cache_.Script("Put", std::deque<Answer>(9, Overloaded()));
  auto put = StartPut();
  EXPECT_THAT(Fire(4), ElementsAre(milliseconds(5), milliseconds(10),
                                   milliseconds(20), milliseconds(40)));
  const PutResult result = put.get();
  EXPECT_EQ(result.error.reason, "OVERLOADED");
  EXPECT_EQ(result.attempts, 5);
  EXPECT_EQ(result.outcome, Outcome::kNotApplied);
  EXPECT_THAT(cache_.SeenOf("Put"), SizeIs(5));
  EXPECT_TRUE(timers_.empty());
}

TEST_F(ClientTest, OneBrokenCopyLeavesTheOutcomeUnknown) {
  cache_.Script("Put", {Unavailable(),
                        {.status = MakeStatus(StatusCode::ABORTED,
                                              "PRECONDITION_FAILED", "no")}});
  auto put = StartPut();
  Fire(1);
  const PutResult result = put.get();
  EXPECT_EQ(result.error.code, StatusCode::ABORTED);
  EXPECT_EQ(result.attempts, 2);
  EXPECT_EQ(result.outcome, Outcome::kUnknown);
}

TEST_F(ClientTest, SendsAWriteWithoutAKeyOnce) {
  cache_.Script("Put", {Unavailable()});
  const PutResult result = client_->Put(PutOf("k"), {.keyed = false});
  EXPECT_EQ(result.error.code, StatusCode::UNAVAILABLE);
  EXPECT_EQ(result.attempts, 1);
  EXPECT_EQ(result.outcome, Outcome::kUnknown);
  EXPECT_EQ(result.idempotency_key, "");
  const std::vector<Seen> seen = cache_.SeenOf("Put");
  ASSERT_THAT(seen, SizeIs(1));
  EXPECT_EQ(seen[0].idempotency_key, "");
  EXPECT_EQ(seen[0].stamp.find("stamp"), std::string::npos);
  EXPECT_THAT(cache_.SeenOf("GetOutcome"), SizeIs(0));
}

TEST_F(ClientTest, SendsAGetThatChangesSomethingOnce) {
  v1::GetRequest touch = GetOf("k");
  touch.mutable_touch();
  v1::GetRequest lease = GetOf("k");
  lease.mutable_lease();
  for (const auto& request : {touch, lease}) {
    cache_.Script("Get", {Unavailable()});
    const auto result = client_->Get(request);
    EXPECT_EQ(result.attempts, 1);
    EXPECT_EQ(result.outcome, Outcome::kUnknown);
  }
}

TEST_F(ClientTest, RetriesReadsAndFences) {
  cache_.Script("Get", {Unavailable(), {}});
  auto get = StartGet();
  Fire(1);
  EXPECT_EQ(get.get().attempts, 2);

  cache_.Script("GetOutcome", {Unavailable(), {}});
  v1::GetOutcomeRequest request;
  request.set_idempotency_key("other");
  request.set_fence(true);
  std::promise<Result<v1::GetOutcomeResponse>> outcome;
  client_->GetOutcomeAsync(
      request, {}, [&](auto result) { outcome.set_value(std::move(result)); });
  Fire(1);
  EXPECT_EQ(outcome.get_future().get().attempts, 2);
}

TEST_F(ClientTest, KeepsTheCallersKey) {
  for (const bool keyed : {true, false}) {
    SCOPED_TRACE(keyed);
    v1::PutRequest request = PutOf("k");
    request.set_idempotency_key(keyed ? "own" : "own too");
    cache_.Script("Put", {Unavailable(), {}});
    auto put = StartPut(request, {.keyed = keyed});
    Fire(1);
    EXPECT_EQ(put.get().idempotency_key, request.idempotency_key());
    EXPECT_EQ(cache_.SeenOf("Put").back().idempotency_key,
              request.idempotency_key());
  }
}

TEST_F(ClientTest, RepeatsNothingWhenToldSo) {
  cache_.Script("Get", {Unavailable()});
  const auto result = client_->Get(
      GetOf("k"), {.hedge_delay = milliseconds(3), .repeat = false});
  EXPECT_EQ(result.attempts, 1);
  EXPECT_EQ(result.outcome, Outcome::kNotApplied);
}

TEST_F(ClientTest, WaitsForPushbackInstead) {
  cache_.Script("Get", {Overloaded("250"), {}});
  auto get = StartGet();
  EXPECT_THAT(Fire(1), ElementsAre(milliseconds(250)));
  EXPECT_TRUE(get.get().ok());
}

TEST_F(ClientTest, TakesPushbackThatIsNoDelayForARefusal) {
  for (const char* pushback : {"-1", "soon"}) {
    SCOPED_TRACE(pushback);
    cache_.Script("Get", {Overloaded(pushback)});
    EXPECT_EQ(client_->Get(GetOf("k")).attempts, 1);
  }
}

TEST_F(ClientTest, OneBudgetServesAllCalls) {
  LearnStamp();
  cache_.Script("Put", std::deque<Answer>(6, Overloaded()));
  auto put = StartPut();
  Fire(4);
  EXPECT_EQ(put.get().attempts, 5);
  EXPECT_EQ(client_->Put(PutOf("k")).attempts, 1);
  // The script is over: good answers refill it.
  for (int i = 0; i < 11; ++i) EXPECT_TRUE(client_->Get(GetOf("k")).ok());
  cache_.Script("Get", {Overloaded()});
  auto get = StartGet();
  EXPECT_EQ(get.get().attempts, 1);
  for (int i = 0; i < 11; ++i) EXPECT_TRUE(client_->Get(GetOf("k")).ok());
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(client_->Get(GetOf("k")).ok());
  cache_.Script("Get", {Overloaded()});
  get = StartGet();
  Fire(1);
  EXPECT_EQ(get.get().attempts, 2);
}

TEST_F(ClientTest, TellsThatTheAnswerIsAReplay) {
  cache_.Script("Put",
                {Unavailable(), {.trailers = {{"latchkey-replayed", "1"}}}});
  auto put = StartPut();
  Fire(1);
  const PutResult result = put.get();
  EXPECT_TRUE(result.replayed);
  EXPECT_EQ(result.response.version(), 7u);
  EXPECT_FALSE(client_->Put(PutOf("k")).replayed);
}

// --- Deadlines -------------------------------------------------------------

TEST_F(ClientTest, ACallWithoutAnAnswerEndsAtItsDeadline) {
  LearnStamp();
  cache_.Script("Put", {Held()});
  const PutResult result =
      client_->Put(PutOf("k"), {.deadline = milliseconds(50)});
  EXPECT_EQ(result.error.code, StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(result.outcome, Outcome::kUnknown);
  EXPECT_EQ(result.attempts, 1);
  cache_.AwaitCancelled(1);
}

TEST_F(ClientTest, TheDeadlineIsOneSecondUnlessToldOtherwise) {
  using SystemTime = std::chrono::system_clock;
  Client client(cache_.address());
  const auto start = SystemTime::now();
  client.Get(GetOf("k"));
  client.Get(GetOf("k"), {.deadline = seconds(60)});
  const auto end = SystemTime::now();
  // The server adds what is left to its own time, and gRPC rounds.
  const std::vector<Seen> seen = cache_.SeenOf("Get");
  ASSERT_THAT(seen, SizeIs(2));
  EXPECT_GT(seen[0].deadline, start + milliseconds(900));
  EXPECT_LT(seen[0].deadline, end + milliseconds(1100));
  EXPECT_GT(seen[1].deadline, start + seconds(59));
  EXPECT_LT(seen[1].deadline, end + seconds(61));
}

TEST_F(ClientTest, TheDeadlineHoldsForAllCopiesTogether) {
  cache_.Script("Get", {Overloaded("59999"), Overloaded(), {}});
  auto get = StartGet(GetOf("k"), {.deadline = minutes(1)});
  Fire(1);
  // 1 ms is left, by the fake clock and for the second copy by the real one.
  const auto result = get.get();
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(result.attempts, 2);
}

// --- Hedges ----------------------------------------------------------------

TEST_F(ClientTest, AHedgeIsTheSameWriteAndItsAnswerWins) {
  Connect({.hedge_delay = milliseconds(3)});
  auto first = StartPut();
  ASSERT_TRUE(first.get().ok());
  cache_.Script("Put", {Held(), {}});
  auto put = StartPut();
  cache_.AwaitSeen("Put", 2);
  EXPECT_THAT(Fire(1), ElementsAre(milliseconds(3)));

  const PutResult result = put.get();
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(result.attempts, 2);
  EXPECT_EQ(result.hedges, 1);
  EXPECT_EQ(result.outcome, Outcome::kOk);
  const std::vector<Seen> seen = cache_.SeenOf("Put");
  ASSERT_THAT(seen, SizeIs(3));
  EXPECT_EQ(seen[2].request, seen[1].request);
  EXPECT_EQ(seen[2].idempotency_key, result.idempotency_key);
  EXPECT_EQ(seen[2].stamp, "stamp-1");
  EXPECT_EQ(seen[1].previous_attempts, "");
  EXPECT_EQ(seen[2].previous_attempts, "1");
  cache_.AwaitCancelled(1);
}

TEST_F(ClientTest, ACopyThatIsStillOutLeavesARefusalUnknown) {
  LearnStamp();
  cache_.Script("Put", {Held(),
                        {.status = MakeStatus(StatusCode::ABORTED,
                                              "PRECONDITION_FAILED", "no")}});
  auto put = StartPut(PutOf("k"), {.hedge_delay = milliseconds(3)});
  cache_.AwaitSeen("Put", 2);
  Fire(1);
  const PutResult result = put.get();
  EXPECT_EQ(result.error.code, StatusCode::ABORTED);
  EXPECT_EQ(result.outcome, Outcome::kUnknown);
}

TEST_F(ClientTest, HedgesNoWriteWithoutAKey) {
  auto put =
      StartPut(PutOf("k"), {.hedge_delay = milliseconds(3), .keyed = false});
  EXPECT_TRUE(put.get().ok());
  EXPECT_TRUE(timers_.empty());
}

}  // namespace
}  // namespace latchkey::client
