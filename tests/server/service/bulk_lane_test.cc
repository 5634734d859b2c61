// Which requests go to the bulk lane, and what becomes of them there.  A manual
// executor runs the lane, in virtual time.

#include "server/service/bulk_lane.h"

#include <gtest/gtest.h>

#include <array>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/string_view.h"
#include "server/service/cache_service.h"
#include "tests/server/service/service_fixture.h"
#include "tests/support/manual_executor.h"

namespace latchkey {
namespace {

using enum absl::StatusCode;

class BulkLaneTest : public ::testing::Test {
 protected:
  BulkLaneTest() { service_.Register(methods_); }

  void Dispatch(FakeCall& call, std::string_view name,
                const google::protobuf::Message& request) {
    requests_.push_back(request.SerializeAsString());
    DispatchUnary(
        *methods_.Find(absl::StrCat("/latchkey.v1.Cache/", ToAbsl(name))), call,
        requests_.back(), clock_.Now());
  }

  static v1::BatchGetRequest Keys(int count) {
    v1::BatchGetRequest request;
    for (int i = 0; i < count; ++i) request.add_keys(absl::StrCat("k", i));
    return request;
  }
  static v1::BatchPutRequest Puts(int count, const std::string& key = "") {
    v1::BatchPutRequest request;
    for (int i = 0; i < count; ++i) {
      v1::PutRequest* const put = request.add_puts();
      put->set_key(absl::StrCat("k", i));
      put->set_value(absl::StrCat("v", i));
    }
    request.set_idempotency_key(key);
    return request;
  }

  void Fill(int count) {
    for (int i = 0; i < count; ++i) {
      const std::string key = absl::StrCat("k", i);
      const std::string value = absl::StrCat("v", i);
      const Operation put = PutOperation{.key = key, .value = value};
      ASSERT_TRUE(
          store_.Write({.on_success = {&put, 1}}, endless_.token()).ok());
    }
  }

  FakeClock clock_;
  SeededRandom random_{1};
  Store store_{StoreOptions{}, clock_, random_};
  ManualExecutor executor_{clock_};
  WorkerPool lane_{
      {.items_max = 2, .delay_target = 3600 * kNanosPerSecond, .servers = 4},
      clock_,
      executor_};
  CacheService service_{store_, clock_, ServiceOptions{}, &lane_};
  MethodTable methods_;
  DeadlineSource endless_{kNever};
  // Each lives until its call was finished.
  std::list<std::string> requests_;
};

TEST(IsForBulkLaneTest, CountsOperationsAndBytes) {
  v1::TransactRequest request;
  const auto is_bulk = [&request] {
    return IsForBulkLane(request.SerializeAsString(), std::vector<int>{1, 2, 3},
                         kPointWritesMax);
  };
  for (int i = 0; i < 32; ++i) {
    request.add_compares()->set_key("k");
    request.add_on_success()->mutable_get()->set_key("k");
  }
  EXPECT_FALSE(is_bulk());
  request.add_on_failure()->mutable_get()->set_key("k");
  EXPECT_TRUE(is_bulk());
  request.clear_on_failure();
  request.mutable_on_success(0)->mutable_put()->set_value(
      std::string(kPointBytesMax, 'x'));
  EXPECT_TRUE(is_bulk());
  // One operation is bounded, whatever its size.
  EXPECT_FALSE(IsForBulkLane(request.SerializeAsString(), {}, kPointWritesMax));
}

TEST_F(BulkLaneTest, BoundedWorkRunsToCompletionOnItsThread) {
  FakeCall read(clock_);
  Dispatch(read, "BatchGet", Keys(128));
  EXPECT_TRUE(read.ok());
  FakeCall write(clock_);
  Dispatch(write, "BatchPut", Puts(64));
  EXPECT_TRUE(write.ok());
  EXPECT_EQ(executor_.pending(), 0u);
}

TEST_F(BulkLaneTest, MoreWaitsForTheLane) {
  FakeCall read(clock_);
  Dispatch(read, "BatchGet", Keys(129));
  EXPECT_FALSE(read.is_finished());
  executor_.RunReady();
  EXPECT_EQ(read.reply<v1::BatchGetResponse>().results_size(), 129);

  FakeCall write(clock_);
  Dispatch(write, "BatchPut", Puts(65));
  EXPECT_FALSE(write.is_finished());
  const uint64_t version = store_.last_version();
  executor_.RunReady();
  EXPECT_EQ(write.reply<v1::BatchPutResponse>().results_size(), 65);
  EXPECT_EQ(store_.last_version(), version + 1);
}

TEST_F(BulkLaneTest, ALargeReadIsInRequestOrder) {
  constexpr int kKeys = 10'000;
  Fill(kKeys / 2);
  v1::BatchGetRequest request;
  // Every other key is there; the last is named twice.
  for (int i = 0; i < kKeys - 1; ++i) {
    request.add_keys(absl::StrCat(i % 2 == 0 ? "k" : "missing", i / 2));
  }
  request.add_keys("k0");
  FakeCall call(clock_);
  Dispatch(call, "BatchGet", request);
  // The task itself, and then help for it on the other threads.
  executor_.RunReady();
  const auto response = call.reply<v1::BatchGetResponse>();
  ASSERT_EQ(response.results_size(), kKeys);
  for (int i = 0; i < kKeys - 1; ++i) {
    ASSERT_EQ(response.results(i).has_entry(), i % 2 == 0) << i;
    if (i % 2 == 0) {
      ASSERT_EQ(response.results(i).entry().value(), absl::StrCat("v", i / 2));
    }
  }
  EXPECT_EQ(response.results(kKeys - 1).entry().value(), "v0");
  const ShardCounters counters = store_.Counters();
  EXPECT_EQ(counters.hits, static_cast<uint64_t>(kKeys / 2 + 1));
  EXPECT_EQ(counters.misses, static_cast<uint64_t>(kKeys / 2 - 1));
}

TEST_F(BulkLaneTest, TooMuchIsRefusedWithAPushback) {
  std::vector<std::unique_ptr<FakeCall>> calls;
  for (int i = 0; i < 3; ++i) {
    calls.push_back(std::make_unique<FakeCall>(clock_));
    Dispatch(*calls.back(), "BatchPut", Puts(65));
  }
  ASSERT_TRUE(calls[2]->is_finished());
  const FakeCallError error = calls[2]->error();
  EXPECT_EQ(error.code, kUnavailable);
  EXPECT_EQ(error.reason, "OVERLOADED");
  EXPECT_EQ(error.metadata.at("applied"), "no");
  ASSERT_EQ(calls[2]->trailers().size(), 1u);
  EXPECT_EQ(calls[2]->trailers()[0].first, "grpc-retry-pushback-ms");
  EXPECT_GT(std::stoi(calls[2]->trailers()[0].second), 0);
  executor_.RunReady();
  EXPECT_TRUE(calls[0]->ok());
  EXPECT_TRUE(calls[1]->ok());
}

TEST_F(BulkLaneTest, ARetryWaitsBehindFirstAttempts) {
  FakeCall retry(clock_);
  retry.SetMetadata("grpc-previous-rpc-attempts", "1");
  std::vector<int> order;
  retry.set_hook([&] { order.push_back(2); });
  FakeCall first(clock_);
  first.set_hook([&] { order.push_back(1); });
  Dispatch(retry, "BatchGet", Keys(129));
  Dispatch(first, "BatchGet", Keys(129));
  executor_.RunReady();
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST_F(BulkLaneTest, ACancelInTheQueueAppliesNothing) {
  const uint64_t version = store_.last_version();
  FakeCall call(clock_);
  Dispatch(call, "BatchPut", Puts(65, "key"));
  call.End(EndReason::kClientCancelled);
  ASSERT_TRUE(call.is_finished());
  EXPECT_EQ(call.error().code, kCancelled);
  EXPECT_EQ(call.error().metadata.at("applied"), "no");
  EXPECT_EQ(lane_.depth(), 0u);
  executor_.RunReady();
  EXPECT_EQ(store_.last_version(), version);
  FakeCall retry(clock_);
  Dispatch(retry, "BatchPut", Puts(65, "key"));
  executor_.RunReady();
  EXPECT_TRUE(retry.ok());
  EXPECT_EQ(store_.last_version(), version + 1);
}

TEST_F(BulkLaneTest, ADeadlineInTheQueueAppliesNothing) {
  const uint64_t version = store_.last_version();
  const UnixNanos deadline = clock_.Now() + kNanosPerMilli;
  FakeCall told(clock_, deadline);
  Dispatch(told, "BatchPut", Puts(65));
  FakeCall taken(clock_, deadline);
  Dispatch(taken, "BatchPut", Puts(65));
  clock_.Advance(kNanosPerMilli);
  told.Expire(clock_.Now());
  EXPECT_TRUE(told.is_finished());
  EXPECT_FALSE(taken.is_finished());
  executor_.RunReady();
  for (const FakeCall* call : {&told, &taken}) {
    EXPECT_EQ(call->error().code, kDeadlineExceeded);
    EXPECT_EQ(call->error().reason, "EXPIRED_IN_QUEUE");
    EXPECT_EQ(call->error().metadata.at("applied"), "no");
  }
  EXPECT_EQ(store_.last_version(), version);
}

// A Scan whose pages the lane makes.
class BulkScanTest : public BulkLaneTest {
 protected:
  explicit BulkScanTest() {
    Fill(20);
    handler_ = methods_.Find("/latchkey.v1.Cache/Scan")->stream(call_);
    EXPECT_TRUE(call_.TakeReceive());
    v1::ScanRequest request;
    request.set_page_size(15);
    handler_->OnMessage(request.SerializeAsString());
  }

  FakeCall call_{clock_};
  std::unique_ptr<StreamHandler> handler_;
};

TEST_F(BulkScanTest, MakesItsPagesInTheLane) {
  EXPECT_FALSE(call_.has_sent());
  executor_.RunReady();
  EXPECT_EQ(call_.Sent<v1::ScanResponse>().entries_size(), 15);
  handler_->OnSent();
  EXPECT_FALSE(call_.has_sent());
  executor_.RunReady();
  EXPECT_EQ(call_.Sent<v1::ScanResponse>().entries_size(), 5);
  handler_->OnSent();
  EXPECT_TRUE(call_.ok());
}

TEST_F(BulkScanTest, IsCancelledInTheQueue) {
  call_.End(EndReason::kClientCancelled);
  EXPECT_EQ(call_.error().code, kCancelled);
  executor_.RunReady();
}

TEST_F(BulkScanTest, IsCancelledWhileAPageGoesOut) {
  call_.set_hook([this] {
    if (call_.is_finished()) return;
    call_.End(EndReason::kClientCancelled);
    handler_->OnCancel();
    EXPECT_FALSE(call_.is_finished());
  });
  executor_.RunReady();
  EXPECT_EQ(call_.error().code, kCancelled);
}

TEST_F(BulkScanTest, APageMayHaveGoneOutBeforeSendReturns) {
  int entries = 0;
  call_.set_hook([&] {
    if (call_.is_finished()) return;
    entries += call_.Sent<v1::ScanResponse>().entries_size();
    handler_->OnSent();
  });
  executor_.RunReady();
  EXPECT_TRUE(call_.ok());
  EXPECT_EQ(entries, 20);
}

TEST_F(BulkScanTest, IsRefusedWithAPushback) {
  std::array<FakeCall, 2> others = {FakeCall(clock_), FakeCall(clock_)};
  executor_.RunReady();
  call_.Sent<v1::ScanResponse>();
  for (FakeCall& other : others) Dispatch(other, "BatchGet", Keys(129));
  handler_->OnSent();
  EXPECT_EQ(call_.error().reason, "OVERLOADED");
  EXPECT_EQ(call_.trailers()[0].first, "grpc-retry-pushback-ms");
  executor_.RunReady();
}

}  // namespace
}  // namespace latchkey
