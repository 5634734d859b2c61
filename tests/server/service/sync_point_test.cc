// A request is stopped at each place where it looks whether it has ended, and
// ended there: by its client, or by its deadline.

#include "server/base/sync_point.h"

#ifdef LATCHKEY_MUTANTS

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "server/base/string_view.h"
#include "server/runtime/asio_executor.h"
#include "server/service/cache_service.h"
#include "tests/server/service/service_fixture.h"

namespace latchkey {
namespace {

using enum absl::StatusCode;

// Longer than anything here takes: a test that needs it has failed.
constexpr std::chrono::seconds kPatience(60);

// In this time after its end a request has let go of everything: CPU time, of
// which a machine that does other things takes none away.
constexpr Nanos kReleaseMax = 10 * kNanosPerMilli;

Nanos ProcessCpuNow() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return now.tv_sec * kNanosPerSecond + now.tv_nsec;
}

struct Row {
  const char* name;
  SyncPoint point;
  // How often it is passed before the request is stopped there.
  int passes;
  const char* method;
  std::string request;
  // Of one that its deadline ends.
  const char* reason;
};

std::string LargeRead() {
  return absl::StrCat(Repeat(10'000, R"(keys: "k#")"));
}

// Sets k0 to k64.
std::string LargeWrite() {
  return Repeat(65, R"(puts { key: "k#" value: "new" })") +
         R"( idempotency_key: "write")";
}

const Row kRows[] = {
    {"Arrival", SyncPoint::kArrival, 0, "Put",
     R"(key: "k0" value: "new" idempotency_key: "write")",
     "EXPIRED_ON_ARRIVAL"},
    {"ScanArrival", SyncPoint::kArrival, 0, "Scan", "", "EXPIRED_ON_ARRIVAL"},
    {"TakenFromQueue", SyncPoint::kTakenFromQueue, 0, "BatchPut", LargeWrite(),
     "EXPIRED_IN_QUEUE"},
    {"BeforeFirstLock", SyncPoint::kBeforeFirstLock, 0, "Put",
     R"(key: "k0" value: "new")", "EXPIRED_BEFORE_COMMIT"},
    {"BeforeTheLockOfAGet", SyncPoint::kBeforeFirstLock, 0, "Get",
     R"(key: "k0")", "EXPIRED_BEFORE_COMMIT"},
    {"Commit", SyncPoint::kCommit, 0, "Put", R"(key: "k0" value: "new")",
     "EXPIRED_BEFORE_COMMIT"},
    {"CommitOfAKeyedWrite", SyncPoint::kCommit, 0, "Put",
     R"(key: "k0" value: "new" idempotency_key: "write")",
     "EXPIRED_BEFORE_COMMIT"},
    {"CommitInTheLane", SyncPoint::kCommit, 0, "BatchPut", LargeWrite(),
     "EXPIRED_BEFORE_COMMIT"},
    {"NextKeys", SyncPoint::kNextKeys, 200, "BatchGet", LargeRead(),
     "EXPIRED_BEFORE_COMMIT"},
    {"NextKeysOfAScan", SyncPoint::kNextKeys, 100, "Scan", "page_size: 1000",
     "EXPIRED_BEFORE_COMMIT"},
    {"NextMessage", SyncPoint::kNextMessage, 1, "Scan", "page_size: 5",
     "EXPIRED_BEFORE_COMMIT"},
    {"BeforeEncode", SyncPoint::kBeforeEncode, 0, "BatchGet", LargeRead(),
     "EXPIRED_BEFORE_COMMIT"},
    {"BeforeEncodeOfAPage", SyncPoint::kBeforeEncode, 0, "Scan", "",
     "EXPIRED_BEFORE_COMMIT"},
};

// A server without a transport; the test's threads are that.
class Bed {
 public:
  Bed() {
    service_.Register(methods_);
    for (int i = 0; i < 65; ++i) Write(absl::StrCat("k", i));
  }
  ~Bed() { threads_.Stop(); }

  FakeClock& clock() { return clock_; }
  Store& store() { return store_; }
  WorkerPool& lane() { return *lane_; }
  const Method& Find(std::string_view name) const {
    return *methods_.Find(absl::StrCat("/latchkey.v1.Cache/", ToAbsl(name)));
  }

  // Writes beside the request under test.
  void Write(const std::string& key) {
    const DeadlineSource endless(kNever);
    const Operation put = PutOperation{.key = key, .value = "old"};
    ASSERT_TRUE(store_.Write({.on_success = {&put, 1}}, endless.token()).ok());
  }

 private:
  FakeClock clock_;
  SeededRandom random_{1};
  Store store_{StoreOptions{}, clock_, random_};
  // The queue has one place; what it refuses shows that it is taken.
  AsioExecutor threads_;
  std::unique_ptr<WorkerPool> lane_ = std::make_unique<WorkerPool>(
      AdmissionOptions{.items_max = 1}, clock_, threads_);
  CacheService service_{store_, clock_, ServiceOptions{}, lane_.get()};
  MethodTable methods_;
};

// One call; this thread, or one of the lane, runs it.
class RunningCall {
 public:
  RunningCall(Bed& bed, std::string_view method, const std::string& request)
      : bed_(bed),
        method_(bed.Find(method)),
        bytes_(RequestBytes(method, request)),
        call_(bed.clock(), bed.clock().Now() + kNanosPerSecond) {
    call_.set_hook([this] {
      if (call_.is_finished()) {
        // Who waits for it may destroy this.
        const std::shared_ptr<std::promise<void>> finished = finished_;
        finished->set_value();
      } else {
        call_.Sent<v1::ScanResponse>();
        handler_->OnSent();
      }
    });
  }

  void Dispatch() {
    if (method_.unary) {
      DispatchUnary(method_, call_, bytes_, bed_.clock().Now());
    } else {
      handler_ = method_.stream(call_);
      handler_->OnMessage(bytes_);
    }
  }

  // Whether the call has been answered, in time.
  bool Wait() {
    return finished_->get_future().wait_for(kPatience) ==
           std::future_status::ready;
  }

  FakeCall& call() { return call_; }

 private:
  Bed& bed_;
  const Method& method_;
  const std::string bytes_;
  FakeCall call_;
  std::unique_ptr<StreamHandler> handler_;
  const std::shared_ptr<std::promise<void>> finished_ =
      std::make_shared<std::promise<void>>();
};

class SyncPointTest : public ::testing::TestWithParam<Row> {
 protected:
  // Stops the request at its point, calls `end` there, and lets it go on;
  // returns the CPU time of all threads until it held on to nothing any more.
  // The clock stands meanwhile, so nothing that waits for a time would end.
  Nanos EndThere(Bed& bed, RunningCall& running,
                 const std::function<void(FakeCall&)>& end) {
    std::promise<void> stopped;
    std::promise<void> may_go_on;
    std::atomic<int> passes = GetParam().passes;
    const ScopedSyncHook hook([&](SyncPoint point) {
      if (point != GetParam().point || passes.fetch_sub(1) != 0) return;
      stopped.set_value();
      may_go_on.get_future().wait();
    });
    std::thread transport([&] { running.Dispatch(); });
    EXPECT_EQ(stopped.get_future().wait_for(kPatience),
              std::future_status::ready);
    end(running.call());
    const Nanos ended = ProcessCpuNow();
    may_go_on.set_value();
    EXPECT_TRUE(running.Wait());
    // Its locks are free, and so is its place in the lane.
    for (int i = 0; i < 65; ++i) bed.Write(absl::StrCat("k", i));
    EXPECT_EQ(bed.lane().depth(), 0u);
    const Nanos released = ProcessCpuNow() - ended;
    transport.join();
    return released;
  }

  // Sends the same request once more, and expects that it is applied once.
  void SendAgain(Bed& bed) {
    const uint64_t version = bed.store().last_version();
    const bool writes = std::string_view(GetParam().method).ends_with("Put");
    const bool keyed =
        GetParam().request.find("idempotency_key") != std::string::npos;
    for (int copy = 0; copy < (keyed ? 2 : 1); ++copy) {
      RunningCall again(bed, GetParam().method, GetParam().request);
      again.Dispatch();
      ASSERT_TRUE(again.Wait());
      EXPECT_TRUE(again.call().ok());
      EXPECT_EQ(again.call().trailers().size(), keyed ? 1u + copy : 0u);
    }
    EXPECT_EQ(bed.store().last_version(), version + (writes ? 1 : 0));
  }

  void EndsAndLetsGo(const std::function<void(Bed&, FakeCall&)>& end,
                     absl::StatusCode code, const std::string& reason) {
    Bed bed;
    RunningCall running(bed, GetParam().method, GetParam().request);
    const uint64_t version = bed.store().last_version();
    const Nanos released =
        EndThere(bed, running, [&](FakeCall& call) { end(bed, call); });
    EXPECT_LT(released, kReleaseMax);
    // Of what was written meanwhile each is one commit.
    EXPECT_EQ(bed.store().last_version(), version + 65);
    EXPECT_EQ(running.call().error().code, code);
    EXPECT_EQ(running.call().error().reason, reason);
    if (HasFailure()) return;
    SendAgain(bed);
  }
};

TEST_P(SyncPointTest, ACancelThereAppliesNothing) {
  EndsAndLetsGo(
      [](Bed&, FakeCall& call) { call.End(EndReason::kClientCancelled); },
      kCancelled, "");
}

TEST_P(SyncPointTest, ADeadlineThereAppliesNothing) {
  EndsAndLetsGo(
      [](Bed& bed, FakeCall& call) {
        bed.clock().Advance(kNanosPerSecond);
        // As the timer of a transport; the request itself looks at the clock.
        if (GetParam().point == SyncPoint::kArrival) {
          call.Expire(bed.clock().Now());
        }
      },
      kDeadlineExceeded, GetParam().reason);
}

INSTANTIATE_TEST_SUITE_P(Each, SyncPointTest, ::testing::ValuesIn(kRows),
                         [](const auto& row) { return row.param.name; });

// One that waits in the lane is told while the thread of the lane is stopped.
TEST(SyncPointQueueTest, ACancelNeedsNoThreadOfTheLane) {
  Bed bed;
  std::promise<void> stopped;
  std::promise<void> may_go_on;
  std::atomic<bool> first = true;
  const ScopedSyncHook hook([&](SyncPoint point) {
    if (point != SyncPoint::kTakenFromQueue || !first.exchange(false)) return;
    stopped.set_value();
    may_go_on.get_future().wait();
  });
  RunningCall running(bed, "BatchPut", LargeWrite());
  running.Dispatch();
  ASSERT_EQ(stopped.get_future().wait_for(kPatience),
            std::future_status::ready);
  RunningCall waiting(bed, "BatchPut", LargeWrite());
  waiting.Dispatch();
  EXPECT_EQ(bed.lane().depth(), 1u);
  RunningCall refused(bed, "BatchPut", LargeWrite());
  refused.Dispatch();
  EXPECT_EQ(refused.call().error().reason, "OVERLOADED");
  waiting.call().End(EndReason::kConnectionLost);
  ASSERT_TRUE(waiting.Wait());
  EXPECT_EQ(waiting.call().error().code, kCancelled);
  EXPECT_EQ(bed.lane().depth(), 0u);
  RunningCall next(bed, "BatchPut", LargeWrite());
  next.Dispatch();
  EXPECT_EQ(bed.lane().depth(), 1u);
  may_go_on.set_value();
  EXPECT_TRUE(running.Wait());
  EXPECT_TRUE(next.Wait());
  EXPECT_TRUE(next.call().ok());
}

}  // namespace
}  // namespace latchkey

#endif  // LATCHKEY_MUTANTS
