#include "tests/simulation/ledger_judge.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "latchkey/v1/cache.pb.h"
#include "server/base/error.h"
#include "server/rpc/status_mapping.h"
#include "server/store/idempotency.h"
#include "tests/verify/keyed_write.h"

namespace latchkey::simulation {
namespace {

using verify::DirectAnswer;
using verify::Method;

constexpr Nanos kWindow = 10 * kNanosPerSecond;
constexpr uint64_t kIncarnation = 7;
constexpr int64_t kStart = 1'000;

DirectAnswer Well(std::string response, bool replayed = false) {
  return {.response = std::move(response), .replayed = replayed};
}

DirectAnswer Refused(ErrorReason reason, absl::StatusCode code,
                     std::string applied = "no") {
  return {.status = ToWireStatus(
              MakeError(code, reason, "no", {{"applied", applied}}))};
}

DirectAnswer Expired() {
  return Refused(ErrorReason::kExpiredBeforeCommit,
                 absl::StatusCode::kDeadlineExceeded);
}

DirectAnswer FailedPrecondition(ErrorReason reason) {
  return Refused(reason, absl::StatusCode::kFailedPrecondition);
}

std::string Stamp(int64_t second, uint64_t incarnation = kIncarnation) {
  return LedgerStamp{incarnation, kStart + second}.ToText();
}

// A copy of the same write at `second` of the test, unless it says otherwise.
Observation Put(int64_t second, DirectAnswer answer) {
  return {.method = Method::kPut,
          .request = "the write",
          .decided_at = (kStart + second) * kNanosPerSecond,
          .answered_at = (kStart + second) * kNanosPerSecond + 1,
          .answer = std::move(answer)};
}

Observation Fence(int64_t second, v1::GetOutcomeResponse::State told) {
  v1::GetOutcomeRequest request;
  request.set_fence(true);
  v1::GetOutcomeResponse response;
  response.set_state(told);
  Observation question = Put(second, Well(response.SerializeAsString()));
  question.method = Method::kGetOutcome;
  question.request = request.SerializeAsString();
  return question;
}

// What is found of copies of one key.
std::string Judged(std::vector<Observation> copies) {
  verify::Violations violations;
  LedgerJudge judge({.window = kWindow, .incarnation = kIncarnation},
                    &violations);
  for (Observation& copy : copies) judge.Observe("key", std::move(copy));
  judge.Judge();
  std::string sorts;
  for (const auto& [sort, of_sort] : violations.by_sort()) sorts += sort + " ";
  return sorts;
}

TEST(LedgerJudgeTest, CopiesGetTheFirstAnswer) {
  EXPECT_EQ(Judged({Put(0, Well("a")), Put(9, Well("a", true))}), "");
  // In whatever order they were seen.
  EXPECT_EQ(Judged({Put(9, Well("a", true)), Put(0, Well("a"))}), "");
  EXPECT_EQ(Judged({Put(0, Well("a")), Put(9, Well("b", true))}),
            "copy-differs ");
  EXPECT_EQ(Judged({Put(0, Well("a")), Put(9, Well("a"))}),
            "copy-not-replayed ");
  EXPECT_EQ(Judged({Put(0, Well("a")), Put(9, Expired())}), "copy-refused ");
  EXPECT_EQ(Judged({Put(0, Well("a", true))}), "replay-of-nothing ");
}

TEST(LedgerJudgeTest, ARecordOutlivesTheWindow) {
  EXPECT_EQ(Judged({Put(0, Well("a")), Put(10, Well("b"))}), "");
  EXPECT_EQ(Judged({Put(0, Well("a")), Put(10, Well("a", true))}),
            "replay-of-nothing ");
}

TEST(LedgerJudgeTest, AKeyIsOfOneRequest) {
  Observation other = Put(1, Well("b"));
  other.request = "another";
  EXPECT_EQ(Judged({Put(0, Well("a")), other}), "reuse-accepted ");
  other.answer = FailedPrecondition(ErrorReason::kIdempotencyKeyReused);
  EXPECT_EQ(Judged({Put(0, Well("a")), other}), "");
  EXPECT_EQ(Judged({other}), "bad-refusal ");
}

TEST(LedgerJudgeTest, AStampIsOfThisLifeAndWindow) {
  Observation copy = Put(12, Well("a"));
  copy.stamp = Stamp(2);
  EXPECT_EQ(Judged({copy}), "stamp-accepted ");
  copy.answer = FailedPrecondition(ErrorReason::kIdempotencyKeyExpired);
  EXPECT_EQ(Judged({copy}), "");
  copy.stamp = Stamp(3);
  EXPECT_EQ(Judged({copy}), "bad-refusal ");
  copy.stamp = Stamp(12, kIncarnation + 1);
  EXPECT_EQ(Judged({copy}), "stamp-accepted ");
  copy.answer = FailedPrecondition(ErrorReason::kIncarnationChanged);
  EXPECT_EQ(Judged({copy}), "");
}

TEST(LedgerJudgeTest, NothingIsDecidedAfterItsEnd) {
  Observation copy = Put(5, Well("a"));
  copy.ends_at = copy.decided_at;
  EXPECT_EQ(Judged({copy}), "outlived-deadline ");
  copy.ends_at = copy.decided_at + 1;
  EXPECT_EQ(Judged({copy}), "");
  copy.answer = Expired();
  EXPECT_EQ(Judged({copy}), "end-invented ");
  copy.ends_at = copy.decided_at;
  EXPECT_EQ(Judged({copy}), "");
  // One that does not say that it was not applied.
  copy.answer = Refused(ErrorReason::kExpiredBeforeCommit,
                        absl::StatusCode::kDeadlineExceeded, "unknown");
  EXPECT_EQ(Judged({copy}), "bad-refusal ");
}

TEST(LedgerJudgeTest, WhatNeverHadALockWasRefusedForACause) {
  Observation copy = Put(0, Expired());
  copy.decided_at = 0;
  EXPECT_EQ(Judged({copy}), "end-invented ");
  copy.ends_at = copy.answered_at;
  EXPECT_EQ(Judged({copy}), "");
  copy.answer =
      Refused(ErrorReason::kOverloaded, absl::StatusCode::kUnavailable);
  EXPECT_EQ(Judged({copy}), "bad-refusal ");
  copy.may_be_shed = true;
  EXPECT_EQ(Judged({copy}), "");
}

TEST(LedgerJudgeTest, AFenceHolds) {
  using Outcome = v1::GetOutcomeResponse;
  EXPECT_EQ(Judged({Fence(0, Outcome::NOT_APPLIED), Put(9, Well("a"))}),
            "fence-broken ");
  EXPECT_EQ(
      Judged({Fence(0, Outcome::NOT_APPLIED),
              Put(9, FailedPrecondition(ErrorReason::kIdempotencyKeyFenced))}),
      "");
  EXPECT_EQ(Judged({Put(0, Well("a")), Fence(9, Outcome::NOT_APPLIED)}),
            "outcome-differs ");
  // Without a stamp nobody can know.
  EXPECT_EQ(Judged({Put(0, Well("a")), Fence(10, Outcome::NOT_APPLIED)}), "");
  Observation stamped = Fence(10, Outcome::NOT_APPLIED);
  stamped.stamp = Stamp(0);
  EXPECT_EQ(Judged({Put(0, Well("a")), stamped}), "forgotten ");
  stamped.answer = FailedPrecondition(ErrorReason::kIdempotencyKeyExpired);
  EXPECT_EQ(Judged({Put(0, Well("a")), stamped}), "");
}

TEST(LedgerJudgeTest, ALedgerIsFullOnlyWhereItMayBe) {
  EXPECT_EQ(Judged({Put(0, Refused(ErrorReason::kIdempotencyLedgerFull,
                                   absl::StatusCode::kResourceExhausted))}),
            "bad-refusal ");
}

}  // namespace
}  // namespace latchkey::simulation
