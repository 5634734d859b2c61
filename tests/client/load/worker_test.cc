#include "client/load/worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "latchkey/v1/cache.pb.h"
#include "tests/client/load/virtual_engine.h"

namespace latchkey::load {
namespace {

constexpr Nanos kMs = kNanosPerMilli;
constexpr Nanos kSecond = kNanosPerSecond;

// A Get of nothing in particular, each an operation of its own.
class PlainGets final : public Workload {
 public:
  explicit PlainGets(int64_t operations = INT64_MAX) : left_(operations) {}

  std::optional<Call> Begin(size_t) override {
    if (left_-- <= 0) return std::nullopt;
    return Call{Method::kGet, &request_};
  }

  Step Continue(size_t, const Completion& completion, Tally& tally) override {
    if (completion.error != nullptr) tally.CountError(*completion.error);
    return EndOf(OperationKind::kGet, completion.error == nullptr);
  }

 private:
  int64_t left_;
  v1::GetRequest request_;
};

client::CallError Unavailable() {
  client::CallError error;
  error.code = grpc::StatusCode::UNAVAILABLE;
  error.code_name = "UNAVAILABLE";
  error.message = "connection refused";
  return error;
}

client::CallError Overloaded() {
  client::CallError error = Unavailable();
  error.reason = "OVERLOADED";
  return error;
}

class WorkerTest : public testing::Test {
 protected:
  // A server that takes 1 ms for everything.
  static Reply OneMillisecond(Method, const std::string&, Nanos now) {
    return {.at = now + kMs};
  }

  // Runs a phase and keeps its length in elapsed_.
  Tally Run(VirtualEngine& engine, Phase phase, Workload& workload) {
    signals_.stop = &stop_;
    const Nanos start = engine.Now();
    Worker worker(engine, engine.SlotCount(0), workload, signals_);
    Tally tally = worker.Run(phase);
    elapsed_ = engine.Now() - start;
    return tally;
  }

  Tally Run(VirtualEngine& engine, Phase phase) {
    PlainGets gets;
    return Run(engine, phase, gets);
  }

  // An open loop of that rate and length that starts now.
  static Phase OpenLoop(VirtualEngine& engine, double rate, Nanos length,
                        uint64_t backlog_max) {
    const Nanos start = engine.Now();
    return {.end = start + length,
            .pace = PacerOptions{.start = start,
                                 .end = start + length,
                                 .rate = rate,
                                 .backlog_max = backlog_max}};
  }

  std::atomic<bool> stop_ = false;
  PhaseSignals signals_;
  Nanos elapsed_ = 0;
};

const Histogram& Gets(const Tally& tally) {
  return tally.latency[static_cast<size_t>(OperationKind::kGet)];
}

TEST_F(WorkerTest, AClosedLoopKeepsEverySlotAtWork) {
  VirtualEngine engine(4, OneMillisecond);
  const Tally tally = Run(engine, {.end = engine.Now() + kSecond});
  EXPECT_EQ(Gets(tally).count(), 4'000u);
  EXPECT_EQ(tally.calls, 4'000u);
  EXPECT_EQ(engine.in_flight_max(), 4u);
  EXPECT_EQ(Gets(tally).max(), kMs);
  EXPECT_EQ(signals_.ended, 4'000u);
}

TEST_F(WorkerTest, WaitsForWhatIsInFlightAtTheEnd) {
  VirtualEngine engine(2, [](Method, const std::string&, Nanos now) -> Reply {
    return {.at = now + 300 * kMs};
  });
  const Tally tally = Run(engine, {.end = engine.Now() + kSecond});
  EXPECT_EQ(Gets(tally).count(), 8u);
  EXPECT_EQ(elapsed_, 1'200 * kMs);
}

TEST_F(WorkerTest, AnOpenLoopKeepsTheRateWhateverTheSlots) {
  VirtualEngine engine(64, OneMillisecond);
  const Tally tally = Run(engine, OpenLoop(engine, 500, 10 * kSecond, 1'000));
  EXPECT_EQ(Gets(tally).count(), 5'000u);
  EXPECT_EQ(tally.not_sent, 0u);
  EXPECT_EQ(Gets(tally).max(), kMs);
  EXPECT_EQ(elapsed_, 10 * kSecond);
}

// The server stands still for one second of ten.  Of 10,000 users who come each
// millisecond, a thousand feel it, the first for all of the second.
TEST_F(WorkerTest, AnOpenLoopCountsWhatAStallKeptFromBeingSent) {
  const auto stalling = [](Nanos stall_begin) {
    return [stall_begin](Method, const std::string&, Nanos now) -> Reply {
      const bool stalled = now >= stall_begin && now < stall_begin + kSecond;
      return {.at = (stalled ? stall_begin + kSecond : now) + kMs / 20};
    };
  };
  VirtualEngine probe(1, OneMillisecond);
  const Nanos stall_begin = probe.Now() + 4 * kSecond;

  VirtualEngine open(4, stalling(stall_begin));
  const Tally open_tally =
      Run(open, OpenLoop(open, 1'000, 10 * kSecond, 10'000));
  EXPECT_EQ(Gets(open_tally).count(), 10'000u);
  EXPECT_NEAR(static_cast<double>(Gets(open_tally).max()), kSecond, 2 * kMs);
  // A tenth of the users, whose waits are spread evenly over the second.
  EXPECT_LT(Gets(open_tally).Percentile(89), kMs);
  EXPECT_NEAR(static_cast<double>(Gets(open_tally).Percentile(95)),
              kSecond / 2.0, 20 * kMs);
  EXPECT_NEAR(static_cast<double>(Gets(open_tally).Percentile(99)),
              0.9 * kSecond, 20 * kMs);

  // What a closed loop makes of it: one slow request for each slot.
  VirtualEngine closed(4, stalling(stall_begin));
  const Tally closed_tally = Run(closed, {.end = closed.Now() + 5 * kSecond});
  EXPECT_LT(Gets(closed_tally).Percentile(99.9), kMs);
}

TEST_F(WorkerTest, AnOverloadedOpenLoopGivesUpWhatItsBacklogCannotHold) {
  // One slot serves 1,000 a second of the 3,000 that are due.
  VirtualEngine engine(1, OneMillisecond);
  const Tally tally = Run(engine, OpenLoop(engine, 3'000, 2 * kSecond, 30));
  EXPECT_NEAR(static_cast<double>(Gets(tally).count()), 2'000, 2);
  EXPECT_EQ(Gets(tally).count() + tally.not_sent, 6'000u);
  // 30 waiting at 3,000 a second are 10 ms, and 1 ms is the server's.
  EXPECT_LE(Gets(tally).max(), 12 * kMs);
  EXPECT_GE(Gets(tally).Percentile(50), 9 * kMs);
}

TEST_F(WorkerTest, EndsWithItsBudget) {
  VirtualEngine engine(4, OneMillisecond);
  signals_.budget = 10;
  const Tally tally = Run(engine, {});
  EXPECT_EQ(Gets(tally).count(), 10u);
  EXPECT_EQ(elapsed_, 3 * kMs);
}

TEST_F(WorkerTest, AnOpenLoopEndsWithItsBudget) {
  VirtualEngine engine(4, OneMillisecond);
  signals_.budget = 10;
  const Tally tally = Run(engine, OpenLoop(engine, 1'000, kSecond, 100));
  EXPECT_EQ(Gets(tally).count(), 10u);
  EXPECT_EQ(tally.not_sent, 0u);
}

TEST_F(WorkerTest, EndsWithTheWorkload) {
  VirtualEngine engine(4, OneMillisecond);
  PlainGets gets(7);
  const Tally tally = Run(engine, {}, gets);
  EXPECT_EQ(Gets(tally).count(), 7u);
}

TEST_F(WorkerTest, StopsWhenToldAndLosesNothing) {
  VirtualEngine engine(2,
                       [this](Method, const std::string&, Nanos now) -> Reply {
                         if (signals_.ended == 100) stop_ = true;
                         return {.at = now + kMs};
                       });
  const Tally tally = Run(engine, {});
  EXPECT_EQ(tally.calls, engine.calls());
  EXPECT_NEAR(static_cast<double>(tally.calls), 100, 4);
}

TEST_F(WorkerTest, CountsErrorsApartFromLatencies) {
  int calls = 0;
  VirtualEngine engine(1, [&](Method, const std::string&, Nanos now) -> Reply {
    Reply reply = {.at = now + kMs};
    if (++calls % 4 == 0) reply.error = Overloaded();
    return reply;
  });
  signals_.budget = 100;
  const Tally tally = Run(engine, {});
  EXPECT_EQ(Gets(tally).count(), 75u);
  EXPECT_EQ(tally.error_count, 25u);
  EXPECT_EQ(tally.unanswered, 0u);
  EXPECT_EQ(signals_.errors, 25u);
}

TEST_F(WorkerTest, GivesUpWhenTheServerIsGone) {
  VirtualEngine engine(8, [](Method, const std::string&, Nanos now) -> Reply {
    return {.at = now + kMs, .error = Unavailable()};
  });
  const Tally tally = Run(engine, {.end = engine.Now() + 3'600 * kSecond});
  EXPECT_TRUE(signals_.gone);
  EXPECT_GE(elapsed_, kGoneAfter);
  EXPECT_LE(elapsed_, kGoneAfter + 2 * kRestAfterSilence);
  // And it did not hammer: each slot asks ten times a second.
  EXPECT_LE(tally.calls, 8u * 32u);
}

TEST_F(WorkerTest, BearsWithAServerThatComesBack) {
  VirtualEngine probe(1, OneMillisecond);
  const Nanos back = probe.Now() + kGoneAfter - 200 * kMs;
  VirtualEngine engine(8,
                       [back](Method, const std::string&, Nanos now) -> Reply {
                         Reply reply = {.at = now + kMs};
                         if (now < back) reply.error = Unavailable();
                         return reply;
                       });
  const Tally tally = Run(engine, {.end = engine.Now() + 10 * kSecond});
  EXPECT_FALSE(signals_.gone);
  EXPECT_GT(Gets(tally).count(), 8u * 7'000u);
}

// Rests for 10 ms before each second call of an operation.
class RestingGets final : public Workload {
 public:
  std::optional<Call> Begin(size_t) override {
    return Call{Method::kGet, &request_};
  }

  Step Continue(size_t slot, const Completion&, Tally&) override {
    rested_.resize(slot + 1);
    rested_[slot] = !rested_[slot];
    return rested_[slot] ? RestFor(10 * kMs) : EndOf(OperationKind::kGet, true);
  }

  Call Resume(size_t) override { return {Method::kGet, &request_}; }

 private:
  std::vector<bool> rested_;
  v1::GetRequest request_;
};

TEST_F(WorkerTest, AnOperationMayRestBetweenTwoCalls) {
  VirtualEngine engine(1, OneMillisecond);
  RestingGets gets;
  signals_.budget = 100;
  const Tally tally = Run(engine, {}, gets);
  EXPECT_EQ(tally.calls, 200u);
  EXPECT_EQ(elapsed_, 100 * 12 * kMs);
}

TEST_F(WorkerTest, WhatRestsIsEndedAlsoWhereThePhaseHasEnded) {
  VirtualEngine engine(1, OneMillisecond);
  RestingGets gets;
  const Tally tally = Run(engine, {.end = engine.Now() + 5 * kMs}, gets);
  EXPECT_EQ(Gets(tally).count(), 1u);
  EXPECT_EQ(elapsed_, 12 * kMs);
}

TEST_F(WorkerTest, BearsWithSilenceForAsLongAsThePhaseSays) {
  VirtualEngine engine(8, [](Method, const std::string&, Nanos now) -> Reply {
    return {.at = now + kMs, .error = Unavailable()};
  });
  Run(engine, {.gone_after = 20 * kSecond});
  EXPECT_TRUE(signals_.gone);
  EXPECT_GE(elapsed_, 20 * kSecond);
}

TEST_F(WorkerTest, AnOverloadedServerIsNotGone) {
  VirtualEngine engine(1, [](Method, const std::string&, Nanos now) -> Reply {
    return {.at = now + kMs, .error = Overloaded()};
  });
  const Tally tally = Run(engine, {.end = engine.Now() + 2 * kGoneAfter});
  EXPECT_FALSE(signals_.gone);
  EXPECT_EQ(tally.error_count, static_cast<uint64_t>(2 * kGoneAfter / kMs));
}

TEST_F(WorkerTest, CancelsAfterTheTimeAndIsAtOnceFree) {
  VirtualEngine engine(1, [](Method, const std::string&, Nanos now) -> Reply {
    return {.at = now + 10 * kMs};
  });
  const Tally tally = Run(engine, {.end = engine.Now() + 30 * kMs,
                                   .cancel_ratio = 1,
                                   .cancel_after = 3 * kMs,
                                   .cancel_random = Random(1, 1)});
  EXPECT_EQ(tally.cancelled, 10u);
  EXPECT_EQ(tally.calls, 10u);
  EXPECT_EQ(tally.in_time, 0u);
  EXPECT_EQ(tally.refusals.count(), 0u);
  EXPECT_FALSE(signals_.gone);
}

TEST_F(WorkerTest, CancelsTheShareThatIsAskedFor) {
  VirtualEngine engine(1, [](Method, const std::string&, Nanos now) -> Reply {
    return {.at = now + 10 * kMs};
  });
  signals_.budget = 10'000;
  const Tally tally = Run(engine, {.cancel_ratio = 0.3,
                                   .cancel_after = 3 * kMs,
                                   .cancel_random = Random(1, 1)});
  EXPECT_NEAR(static_cast<double>(tally.cancelled), 3'000, 200);
  EXPECT_EQ(tally.in_time + tally.cancelled, 10'000u);
  EXPECT_EQ(Gets(tally).count(), tally.in_time);
}

// The next operation of the slot is under way when the cancel is due.
TEST_F(WorkerTest, WhatWasAnsweredIsNotCancelledAndNotOfUse) {
  VirtualEngine engine(1, OneMillisecond);
  const Tally tally = Run(engine, {.end = engine.Now() + kSecond,
                                   .cancel_ratio = 1,
                                   .cancel_after = 3 * kMs / 2,
                                   .cancel_random = Random(1, 1)});
  EXPECT_EQ(Gets(tally).count(), 1'000u);
  EXPECT_EQ(tally.cancelled, 0u);
  EXPECT_EQ(tally.in_time, 0u);
}

TEST_F(WorkerTest, APhaseThatMustNotFailEndsWithTheFirstError) {
  VirtualEngine engine(1, [](Method, const std::string&, Nanos now) -> Reply {
    return {.at = now + kMs, .error = Overloaded()};
  });
  const Tally tally = Run(engine, {.must_not_fail = true});
  EXPECT_TRUE(signals_.failed);
  EXPECT_EQ(tally.error_count, 1u);
}

}  // namespace
}  // namespace latchkey::load
