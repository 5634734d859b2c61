// Scans, the end of a client, and clients with the machine's own time.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "client/lib/client.h"
#include "tests/client/lib/client_fixture.h"
#include "tests/client/lib/fake_cache.h"

namespace latchkey::client {
namespace {

using grpc::StatusCode;
using std::chrono::milliseconds;
using std::chrono::minutes;
using testing::ElementsAre;
using testing::SizeIs;

class ScanTest : public ClientFixture {
 protected:
  std::future<CallResult> StartScan() {
    auto promise = std::make_shared<std::promise<CallResult>>();
    client_->ScanAsync(
        {}, {.hedge_delay = milliseconds(3)},
        [this](const v1::ScanResponse& page) {
          tokens_.push_back(page.resume_token());
          return tokens_.size() < pages_max_;
        },
        [promise](CallResult result) {
          promise->set_value(std::move(result));
        });
    return promise->get_future();
  }

  size_t pages_max_ = SIZE_MAX;
  // Written by one callback at a time, read after the last.
  std::vector<std::string> tokens_;
};

TEST_F(ScanTest, GivesEveryMessageInOrder) {
  cache_.Script("Scan", {{.pages = 3}});
  const CallResult result = StartScan().get();
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(result.attempts, 1);
  EXPECT_THAT(tokens_, ElementsAre("after-1", "after-2", "after-3"));
}

TEST_F(ScanTest, IsRetriedUntilItsFirstMessage) {
  cache_.Script("Scan", {Unavailable(), {.pages = 1}});
  auto scan = StartScan();
  timers_.FireNext();
  EXPECT_TRUE(scan.get().ok());
  EXPECT_THAT(tokens_, ElementsAre("after-1"));
  ASSERT_THAT(cache_.SeenOf("Scan"), SizeIs(2));
  EXPECT_EQ(cache_.SeenOf("Scan")[1].previous_attempts, "1");
}

TEST_F(ScanTest, IsNotRetriedAfterIt) {
  Answer breaks = Unavailable();
  breaks.pages = 2;
  cache_.Script("Scan", {breaks});
  const CallResult result = StartScan().get();
  EXPECT_EQ(result.error.code, StatusCode::UNAVAILABLE);
  EXPECT_EQ(result.attempts, 1);
  EXPECT_THAT(tokens_, ElementsAre("after-1", "after-2"));
}

TEST_F(ScanTest, EndsWhenTheCallerHasEnough) {
  pages_max_ = 2;
  cache_.Script("Scan", {{.hold = true, .pages = 2}});
  EXPECT_EQ(StartScan().get().error.code, StatusCode::CANCELLED);
  EXPECT_THAT(tokens_, SizeIs(2));
  cache_.AwaitCancelled(1);
}

TEST_F(ScanTest, BlockingFormIsTheSame) {
  cache_.Script("Scan", {{.pages = 2}});
  int pages = 0;
  const CallResult result =
      client_->Scan({}, {.deadline = minutes(1)}, [&](const auto&) {
        ++pages;
        return true;
      });
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(pages, 2);
}

class ClientEndTest : public ClientFixture {};

TEST_F(ClientEndTest, CancelsACopyThatIsUnderWay) {
  LearnStamp();
  cache_.Script("Put", {Held()});
  auto put = StartPut();
  cache_.AwaitSeen("Put", 2);
  client_.reset();
  const PutResult result = put.get();
  EXPECT_EQ(result.error.code, StatusCode::CANCELLED);
  EXPECT_EQ(result.outcome, Outcome::kUnknown);
  cache_.AwaitCancelled(1);
}

TEST_F(ClientEndTest, EndsACallThatWaitsForItsRetry) {
  cache_.Script("Get", {Overloaded("60000")});
  auto get = StartGet();
  cache_.AwaitSeen("Get", 1);
  client_.reset();
  EXPECT_FALSE(get.get().ok());
  EXPECT_TRUE(timers_.empty());
}

TEST_F(ClientEndTest, EndsAWriteThatWaitsForItsStamp) {
  cache_.Script("GetOutcome", {Held()});
  auto put = StartPut();
  cache_.AwaitSeen("GetOutcome", 1);
  client_.reset();
  const PutResult result = put.get();
  EXPECT_EQ(result.error.code, StatusCode::CANCELLED);
  EXPECT_EQ(result.attempts, 0);
  EXPECT_EQ(result.outcome, Outcome::kNotApplied);
  EXPECT_THAT(cache_.SeenOf("Put"), SizeIs(0));
}

TEST_F(ClientEndTest, WaitsForTheLosersOfHedges) {
  cache_.Script("Get", {Held(), {}});
  auto get = StartGet(GetOf("k"), {.hedge_delay = milliseconds(3)});
  cache_.AwaitSeen("Get", 1);
  timers_.FireNext();
  EXPECT_TRUE(get.get().ok());
  client_.reset();
  cache_.AwaitCancelled(1);
}

TEST_F(ClientEndTest, ACallbackMayStartTheNextCall) {
  std::promise<bool> second;
  client_->GetAsync(GetOf("k"), {}, [&](const auto&) {
    client_->PutAsync(PutOf("k"), {}, [&](const PutResult& result) {
      second.set_value(result.ok());
    });
  });
  EXPECT_TRUE(second.get_future().get());
}

// With the clock, the random source and the timers of the machine.

TEST(RealTimeTest, RetriesAndHedges) {
  FakeCache cache;
  Client client(cache.address(), {.deadline = minutes(5)});
  cache.Script("Put", {Unavailable(), Overloaded("1"), {}});
  v1::PutRequest put;
  put.set_key("k");
  const auto result = client.Put(put);
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(result.attempts, 3);

  cache.Script("Get", {Held(), {}});
  v1::GetRequest get;
  get.set_key("k");
  const auto read = client.Get(get, {.hedge_delay = milliseconds(1)});
  EXPECT_TRUE(read.ok());
  EXPECT_EQ(read.attempts, 2);
  cache.AwaitCancelled(1);
}

TEST(RealTimeTest, TheEndOfAClientEndsItsTimers) {
  FakeCache cache;
  cache.Script("Get", {Overloaded("3600000")});
  std::promise<CallResult> ended;
  {
    Client client(cache.address(), {.deadline = std::chrono::hours(2)});
    client.GetAsync(
        {}, {}, [&](CallResult result) { ended.set_value(std::move(result)); });
    cache.AwaitSeen("Get", 1);
  }
  EXPECT_FALSE(ended.get_future().get().ok());
}

TEST(RealTimeTest, WithoutAServerEveryCopyFailsAndTheWriteWasNotSent) {
  std::string address;
  {
    FakeCache gone;
    address = gone.address();
  }
  Client client(address, {.deadline = minutes(5)});
  v1::PutRequest put;
  put.set_key("k");
  const auto result = client.Put(put);
  EXPECT_EQ(result.error.code, StatusCode::UNAVAILABLE);
  EXPECT_EQ(result.outcome, Outcome::kNotApplied);
}

// Eight threads write through one client; every write must end well.  Returns
// how many copies were sent beyond one for each.
int WriteFromManyThreads(FakeCache& cache, const ClientOptions& options) {
  constexpr int kThreads = 8;
  constexpr int kWrites = 50;
  Client client(cache.address(), options);
  std::atomic<int> copies = 0;
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        for (int j = 0; j < kWrites; ++j) {
          v1::PutRequest put;
          put.set_key("k");
          const auto result = client.Put(put);
          good += result.ok() ? 1 : 0;
          copies += result.attempts;
        }
      });
    }
  }
  EXPECT_EQ(good, kThreads * kWrites);
  std::set<std::string> keys;
  for (const Seen& seen : cache.SeenOf("Put")) {
    EXPECT_EQ(seen.stamp, "stamp-1");
    keys.insert(seen.idempotency_key);
  }
  EXPECT_THAT(keys, SizeIs(kThreads * kWrites));
  return copies - kThreads * kWrites;
}

TEST(RealTimeTest, ManyThreadsRetryThroughOneClient) {
  FakeCache cache;
  // As many as the budget surely allows.
  cache.Script("Put", std::deque<Answer>(4, Overloaded()));
  EXPECT_EQ(WriteFromManyThreads(cache, {.deadline = minutes(5)}), 4);
}

TEST(RealTimeTest, ManyThreadsHedgeThroughOneClient) {
  FakeCache cache;
  // Every call wants a hedge at once; the budget decides who gets one.
  const int hedges = WriteFromManyThreads(
      cache, {.deadline = minutes(5), .hedge_delay = Duration(0)});
  EXPECT_GT(hedges, 0);
  // 5 tokens to begin with, and a tenth of one for each good answer: of 400
  // writes and, at most, one question for a stamp each.
  EXPECT_LE(hedges, 5 + 800 / 10);
}

}  // namespace
}  // namespace latchkey::client
