#include "tests/verify/keyed_write.h"

#include <gtest/gtest.h>

#include "latchkey/v1/cache.pb.h"
#include "server/base/error.h"
#include "server/rpc/status_mapping.h"

namespace latchkey::verify {
namespace {

constexpr bool kReplayed = true;

DirectAnswer Good(std::string response, bool replayed = false) {
  return {.response = std::move(response), .replayed = replayed};
}

DirectAnswer Bad(absl::StatusCode code, ErrorReason reason,
                 bool replayed = false) {
  return {.status = ToWireStatus(MakeError(code, reason, "message")),
          .replayed = replayed};
}

class CopyJudgeTest : public ::testing::Test {
 protected:
  // Judges answers that came one after the other.
  void Judge(std::initializer_list<DirectAnswer> answers) {
    for (const DirectAnswer& answer : answers) {
      judge_.OnAnswers(write_, 1, /*may_end=*/false, {&answer});
    }
  }
  void ExpectOnly(std::string_view sort) {
    EXPECT_EQ(violations_.count(), 1u) << violations_.ToString();
    EXPECT_EQ(violations_.CountOf(sort), 1u) << violations_.ToString();
  }

  Violations violations_;
  CopyJudge judge_{&violations_};
  KeyedWrite write_ = {.method = Method::kPut, .key = "k"};
};

TEST_F(CopyJudgeTest, ReplaysOfOneAnswerAreRight) {
  Judge({Good("a"), Good("a", kReplayed), Good("a", kReplayed)});
  EXPECT_TRUE(violations_.empty()) << violations_.ToString();
  EXPECT_EQ(write_.decided->response, "a");
}

TEST_F(CopyJudgeTest, AnErrorIsAnAnswerLikeAnother) {
  const auto kAborted = absl::StatusCode::kAborted;
  Judge({Bad(kAborted, ErrorReason::kPreconditionFailed),
         Bad(kAborted, ErrorReason::kPreconditionFailed, kReplayed)});
  EXPECT_TRUE(violations_.empty()) << violations_.ToString();
  Judge({Good("a", kReplayed)});
  ExpectOnly(sort::kCopyDiffers);
}

TEST_F(CopyJudgeTest, ARefusalDecidesNothing) {
  Judge({Bad(absl::StatusCode::kResourceExhausted,
             ErrorReason::kIdempotencyLedgerFull),
         Bad(absl::StatusCode::kUnavailable, ErrorReason::kDraining),
         Good("a")});
  EXPECT_TRUE(violations_.empty()) << violations_.ToString();
}

TEST_F(CopyJudgeTest, ADecidedWriteIsNotRefused) {
  const DirectAnswer refusal =
      Bad(absl::StatusCode::kUnavailable, ErrorReason::kDraining);
  Judge({Good("a")});
  judge_.OnAnswers(write_, 1, /*may_end=*/true, {&refusal});
  EXPECT_TRUE(violations_.empty()) << violations_.ToString();
  Judge({refusal});
  ExpectOnly(sort::kCopyRefused);
}

TEST_F(CopyJudgeTest, OtherBytes) {
  Judge({Good("a"), Good("b", kReplayed)});
  ExpectOnly(sort::kCopyDiffers);
}

TEST_F(CopyJudgeTest, TheSameBytesDecidedTwice) {
  Judge({Good("a"), Good("a")});
  ExpectOnly(sort::kCopyNotReplayed);
}

TEST_F(CopyJudgeTest, AReplayOfNothing) {
  Judge({Good("a", kReplayed)});
  ExpectOnly(sort::kReplayOfNothing);
}

TEST_F(CopyJudgeTest, OfTwoAtOnceOneIsFirst) {
  const DirectAnswer first = Good("a");
  const DirectAnswer second = Good("a", kReplayed);
  judge_.OnAnswers(write_, 1, /*may_end=*/false, {&second, &first});
  EXPECT_TRUE(violations_.empty()) << violations_.ToString();

  KeyedWrite other = {.key = "other"};
  judge_.OnAnswers(other, 1, /*may_end=*/false, {&first, &first});
  ExpectOnly(sort::kCopyNotReplayed);
}

TEST_F(CopyJudgeTest, WhatMustBeRefused) {
  const auto kCode = absl::StatusCode::kFailedPrecondition;
  judge_.MustRefuse(sort::kReuseAccepted, write_,
                    Bad(kCode, ErrorReason::kIdempotencyKeyReused),
                    "IDEMPOTENCY_KEY_REUSED");
  EXPECT_TRUE(violations_.empty()) << violations_.ToString();
  judge_.MustRefuse(sort::kReuseAccepted, write_, Good("a"),
                    "IDEMPOTENCY_KEY_REUSED");
  ExpectOnly(sort::kReuseAccepted);
}

TEST_F(CopyJudgeTest, WhatGetOutcomeTells) {
  Judge({Good("a")});
  v1::GetOutcomeResponse told;
  told.set_state(v1::GetOutcomeResponse::DONE);
  told.set_method("/latchkey.v1.Cache/Put");
  told.set_response("a");
  judge_.OnOutcome(write_, Good(told.SerializeAsString()));
  EXPECT_TRUE(violations_.empty()) << violations_.ToString();
  told.set_response("b");
  judge_.OnOutcome(write_, Good(told.SerializeAsString()));
  ExpectOnly(sort::kOutcomeDiffers);
}

TEST(WithKeyTest, ReplacesTheKey) {
  v1::PutRequest put;
  put.set_key("k");
  put.set_idempotency_key("old");
  v1::PutRequest parsed;
  ASSERT_TRUE(parsed.ParseFromString(WithKey(put.SerializeAsString(), "new")));
  EXPECT_EQ(parsed.idempotency_key(), "new");
  EXPECT_EQ(parsed.key(), "k");
}

}  // namespace
}  // namespace latchkey::verify
