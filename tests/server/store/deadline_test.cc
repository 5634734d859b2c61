// The end of a request before, at and after the commit point.

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/server/store/store_fixture.h"

namespace latchkey {
namespace {

using enum absl::StatusCode;

// Everything that takes a token; one row each.
struct Call {
  const char* name;
  std::function<absl::Status(Store&, DeadlineToken)> run;
};

class DeadlineTest : public StoreTest,
                     public ::testing::WithParamInterface<Call> {
 protected:
  void SetUp() override {
    Put("k", "1");
    Put("l", "1");
  }

  absl::Status Run(const DeadlineSource& source) {
    return GetParam().run(store(), source.token());
  }

  // Runs the call with `source`, and expects that it changes nothing.
  absl::Status RunWithoutTrace(const DeadlineSource& source) {
    const uint64_t version = store().last_version();
    const absl::Status status = Run(source);
    EXPECT_EQ(store().last_version(), version);
    ExpectValue("k", "1");
    ExpectValue("l", "1");
    return status;
  }
};

TEST_P(DeadlineTest, LeavesACallInTimeAlone) {
  const DeadlineSource source(kStart + 1);
  EXPECT_EQ(Run(source), absl::OkStatus());
}

TEST_P(DeadlineTest, EndsACallWhoseTimeIsUp) {
  const DeadlineSource source(kStart);
  ExpectError(RunWithoutTrace(source), kDeadlineExceeded,
              ErrorReason::kExpiredBeforeCommit);
}

// The first look at the clock, before any lock, is in time; the last one, at
// the commit point, is not.  A Get looks at the last one only.
TEST_P(DeadlineTest, EndsACallWhoseTimeIsUpAtTheCommitPoint) {
  const bool reads_once = std::string_view(GetParam().name) == "Get";
  const DeadlineSource source(Now() + (reads_once ? 0 : 5));
  clock().set_step(5);
  const uint64_t version = store().last_version();
  ExpectError(Run(source), kDeadlineExceeded,
              ErrorReason::kExpiredBeforeCommit);
  clock().set_step(0);
  EXPECT_EQ(store().last_version(), version);
  ExpectValue("k", "1");
}

TEST_P(DeadlineTest, EndsACallThatTheClientCancelled) {
  DeadlineSource source(kNever);
  source.End(EndReason::kClientCancelled);
  EXPECT_EQ(RunWithoutTrace(source).code(), kCancelled);
}

TEST_P(DeadlineTest, EndsACallWhoseConnectionIsLost) {
  DeadlineSource source(kNever);
  source.End(EndReason::kConnectionLost);
  EXPECT_EQ(RunWithoutTrace(source).code(), kCancelled);
}

TEST_P(DeadlineTest, EndsACallOfADrainingServer) {
  DeadlineSource source(kNever);
  source.End(EndReason::kDraining);
  ExpectError(RunWithoutTrace(source), kUnavailable, ErrorReason::kDraining);
}

absl::Status WriteOne(Store& store, DeadlineToken token,
                      const Operation& operation) {
  return store.Write({.on_success = {&operation, 1}}, token).status();
}

INSTANTIATE_TEST_SUITE_P(
    AllCalls, DeadlineTest,
    ::testing::Values(
        Call{"Get",
             [](Store& store, DeadlineToken token) {
               return store.Get({.key = "k"}, token).status();
             }},
        Call{"GetOrLease",
             [](Store& store, DeadlineToken token) {
               return store.GetOrLease({.key = "k"}, {.ttl = 1}, nullptr, token)
                   .status();
             }},
        Call{"BatchGetAtomic",
             [](Store& store, DeadlineToken token) {
               const std::string_view keys[] = {"k", "l"};
               return store.BatchGetAtomic(keys, token).status();
             }},
        Call{"Put",
             [](Store& store, DeadlineToken token) {
               return WriteOne(store, token,
                               PutOperation{.key = "k", .value = "2"});
             }},
        Call{"Delete",
             [](Store& store, DeadlineToken token) {
               return WriteOne(store, token, DeleteOperation{.key = "k"});
             }},
        Call{"Transfer",
             [](Store& store, DeadlineToken token) {
               return WriteOne(store, token, TransferOperation{"k", "l", 1});
             }},
        // Its own error comes after the commit point, so the end wins.
        Call{"FailingMove",
             [](Store& store, DeadlineToken token) {
               const absl::Status status =
                   WriteOne(store, token, MoveOperation{"missing", "l"});
               return status.code() == kNotFound ? absl::OkStatus() : status;
             }}),
    [](const auto& row) { return row.param.name; });

class LongReadTest : public StoreTest {
 protected:
  LongReadTest() {
    for (int i = 0; i < 10'000; ++i) keys_.push_back("k" + std::to_string(i));
    views_.assign(keys_.begin(), keys_.end());
  }

  std::vector<std::string> keys_;
  std::vector<std::string_view> views_;
};

TEST_F(LongReadTest, EndsWhenItsTimeIsUpOnTheWay) {
  // The clock is read once for 64 keys.
  const DeadlineSource source(Now() + 100);
  clock().set_step(1);
  EXPECT_TRUE(
      store().BatchGet(std::span(views_).first(100), source.token()).ok());
  ExpectError(store().BatchGet(views_, source.token()), kDeadlineExceeded,
              ErrorReason::kExpiredBeforeCommit);
}

// A clock whose first reading cancels a request: that is on the way.
class CancellingClock final : public Clock {
 public:
  explicit CancellingClock(DeadlineSource& source) : source_(source) {}

  UnixNanos Now() const override {
    if (++readings_ == 100) source_.End(EndReason::kClientCancelled);
    return 1;
  }

  int readings() const { return readings_; }

 private:
  DeadlineSource& source_;
  mutable int readings_ = 0;
};

TEST_F(LongReadTest, LooksForACancelEvery64Keys) {
  DeadlineSource source(kNever);
  const CancellingClock cancelling(source);
  class NoRandom final : public RandomSource {
    void Fill(std::span<std::byte>) override {}
  } random;
  const Store slow({}, cancelling, random);
  EXPECT_EQ(slow.BatchGet(views_, source.token()).status().code(), kCancelled);
  // Each look reads the clock once.
  EXPECT_LE(cancelling.readings(), 101);
}

}  // namespace
}  // namespace latchkey
