// Small histories, each of which could have happened, or could not for one
// reason.

#include "client/verify/serial_checker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/client/verify/history_builder.h"

namespace latchkey::verify {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class SerialCheckerTest : public testing::Test {
 protected:
  // The sorts of what is wrong with the history so far, each once.
  std::vector<std::string> Check(SerialCheckerOptions options = {}) {
    SerialChecker checker(options);
    violations_ = {};
    checker.CheckRound(history_.history(), &violations_);
    std::vector<std::string> sorts;
    for (const auto& [sort, found] : violations_.by_sort()) {
      sorts.push_back(sort);
    }
    return sorts;
  }

  static auto Only(std::string_view sort) {
    return testing::ElementsAre(std::string(sort));
  }

  HistoryBuilder history_;
  Violations violations_;
};

TEST_F(SerialCheckerTest, AReadSeesTheWriteBeforeIt) {
  history_.Ok(1, {0, 10}, PutOf("k", "v"), Wrote(101));
  history_.Ok(2, {20, 30}, GetOf("k"), Shows("k", "v", 101));
  history_.Ok(2, {40, 50}, GetOf("other"), Misses());
  EXPECT_THAT(Check(), IsEmpty());
}

TEST_F(SerialCheckerTest, AReadMaySeeEitherSideOfAWriteThatItMeets) {
  history_.Ok(1, {0, 10}, PutOf("k", "a"), Wrote(101));
  history_.Ok(1, {20, 60}, PutOf("k", "b"), Wrote(102));
  history_.Ok(2, {30, 40}, GetOf("k"), Shows("k", "b", 102));
  history_.Ok(3, {31, 41}, GetOf("k"), Shows("k", "a", 101));
  EXPECT_THAT(Check(), IsEmpty());
}

TEST_F(SerialCheckerTest, AStaleRead) {
  history_.Ok(1, {0, 10}, PutOf("k", "a"), Wrote(101));
  history_.Ok(1, {20, 30}, PutOf("k", "b"), Wrote(102));
  history_.Ok(2, {40, 50}, GetOf("k"), Shows("k", "a", 101));
  EXPECT_THAT(Check(), Only(sort::kStaleRead));
  const std::string detail =
      violations_.by_sort().at("stale-read").details.front();
  EXPECT_THAT(detail, HasSubstr("Get by 2"));
  EXPECT_THAT(detail, HasSubstr("k=b of 102"));
  EXPECT_THAT(detail, HasSubstr("Put by 1"));
}

// What one read has seen, no read that begins later may miss.
TEST_F(SerialCheckerTest, AReadBehindAnotherRead) {
  history_.Ok(1, {0, 10}, PutOf("k", "a"), Wrote(101));
  history_.Ok(1, {20, 100}, PutOf("k", "b"), Wrote(102));
  history_.Ok(2, {30, 40}, GetOf("k"), Shows("k", "b", 102));
  history_.Ok(3, {50, 60}, GetOf("k"), Shows("k", "a", 101));
  EXPECT_THAT(Check(), Only(sort::kStaleRead));
}

// Over two keys: each answer is good alone.
TEST_F(SerialCheckerTest, TwoReadsThatSeeTwoWritesInOppositeOrder) {
  history_.Ok(1, {0, 100}, PutOf("x", "1"), Wrote(101));
  history_.Ok(2, {0, 100}, PutOf("y", "1"), Wrote(102));
  history_.Ok(3, {10, 20}, GetOf("y"), Shows("y", "1", 102));
  history_.Ok(3, {30, 40}, GetOf("x"), Misses());
  EXPECT_THAT(Check(), Only(sort::kStaleRead));
}

TEST_F(SerialCheckerTest, AReadFromTheFuture) {
  history_.Ok(2, {0, 10}, GetOf("k"), Shows("k", "v", 101));
  history_.Ok(1, {20, 30}, PutOf("k", "v"), Wrote(101));
  EXPECT_THAT(Check(), Only(sort::kFutureRead));
}

TEST_F(SerialCheckerTest, AReadOfWhatNobodyWrote) {
  history_.Ok(1, {0, 10}, PutOf("k", "v"), Wrote(101));
  history_.Ok(2, {20, 30}, GetOf("k"), Shows("k", "w", 101));
  EXPECT_THAT(Check(), Only(sort::kWrongRead));
}

TEST_F(SerialCheckerTest, EachPartOfAnEntryIsCompared) {
  history_.Ok(1, {0, 10}, PutOf("k", "v"), Wrote(101));
  std::vector<v1::GetResponse> wrong(4, Shows("k", "v", 101));
  wrong[0].mutable_entry()->set_version(100);
  wrong[1].mutable_entry()->set_flags(1);
  wrong[2].mutable_entry()->mutable_expire_time()->set_seconds(5);
  wrong[3].mutable_entry()->set_key("l");
  for (size_t i = 0; i < wrong.size(); ++i) {
    history_.Ok(2, {20, 30}, GetOf("k"), wrong[i]);
    history_.Ok(2, {20, 30}, BatchGetOf({"k"}, false), ShowAll({wrong[i]}, 0));
  }
  EXPECT_THAT(Check(), Only(sort::kWrongRead));
  EXPECT_EQ(violations_.count(), 2 * wrong.size());
}

TEST_F(SerialCheckerTest, APlainBatchReadsEachKeyAtItsOwnMoment) {
  history_.Ok(1, {0, 100}, PutOf("x", "1"), Wrote(101));
  history_.Ok(1, {200, 300}, PutOf("y", "1"), Wrote(102));
  history_.Ok(2, {50, 400}, BatchGetOf({"x", "y"}, false),
              ShowAll({Misses(), Shows("y", "1", 102)}, 0));
  EXPECT_THAT(Check(), IsEmpty());
}

TEST_F(SerialCheckerTest, ATornAtomicRead) {
  history_.Ok(1, {0, 100}, PutOf("x", "1"), Wrote(101));
  history_.Ok(1, {200, 300}, PutOf("y", "1"), Wrote(102));
  history_.Ok(2, {50, 400}, BatchGetOf({"x", "y"}, true),
              ShowAll({Misses(), Shows("y", "1", 102)}, 102));
  EXPECT_THAT(Check(), Only(sort::kTornRead));
}

TEST_F(SerialCheckerTest, AnAtomicReadIsOfTheMomentThatItNames) {
  history_.Ok(1, {0, 10}, PutOf("x", "1"), Wrote(101));
  history_.Ok(1, {20, 90}, PutOf("x", "2"), Wrote(102));
  history_.Ok(2, {30, 80}, BatchGetOf({"x"}, true),
              ShowAll({Shows("x", "1", 101)}, 101));
  EXPECT_THAT(Check(), IsEmpty());
  history_.Ok(3, {30, 80}, BatchGetOf({"x"}, true),
              ShowAll({Shows("x", "1", 101)}, 102));
  EXPECT_THAT(Check(), Only(sort::kWrongRead));
}

TEST_F(SerialCheckerTest, AStaleAtomicRead) {
  history_.Ok(1, {0, 10}, PutOf("x", "1"), Wrote(101));
  history_.Ok(1, {20, 30}, PutOf("x", "2"), Wrote(102));
  history_.Ok(2, {40, 50}, BatchGetOf({"x"}, true),
              ShowAll({Shows("x", "1", 101)}, 101));
  EXPECT_THAT(Check(), Only(sort::kStaleRead));
}

TEST_F(SerialCheckerTest, ABatchWithTooFewResults) {
  history_.Ok(2, {40, 50}, BatchGetOf({"x", "y"}, false),
              ShowAll({Misses()}, 0));
  EXPECT_THAT(Check(), Only(sort::kBadAnswer));
}

TEST_F(SerialCheckerTest, AnAnswerThatIsNoMessage) {
  history_.Ok(1, {0, 10}, GetOf("k"), Misses());
  HistoryRecorder recorder;
  const std::string request = GetOf("k").SerializeAsString();
  History bad;
  bad.recorder(0).Add({.request = request, .response = "\x0a"});
  SerialChecker checker;
  Violations violations;
  checker.CheckRound(bad, &violations);
  EXPECT_EQ(violations.CountOf(sort::kBadAnswer), 1u);
}

TEST_F(SerialCheckerTest, ALostUpdate) {
  history_.Ok(1, {0, 10}, PutOf("k", "a"), Wrote(101));
  history_.Ok(1, {20, 30}, PutIfVersion("k", "b", 101), Wrote(102));
  EXPECT_THAT(Check(), IsEmpty());
  history_.Ok(2, {20, 30}, PutIfVersion("k", "c", 101), Wrote(103));
  EXPECT_THAT(Check(), Only(sort::kImpossibleCommit));
}

TEST_F(SerialCheckerTest, ALostIncrement) {
  history_.Ok(1, {0, 10}, IncrementOf("n", 1), Counted(1, 101));
  history_.Ok(2, {0, 10}, IncrementOf("n", 1), Counted(1, 102));
  EXPECT_THAT(Check(), Only(sort::kWrongCommit));
}

TEST_F(SerialCheckerTest, ADoubledIncrementThatTookTwoVersions) {
  history_.Ok(1, {0, 10}, IncrementOf("n", 1), Counted(1, 101));
  history_.Ok(1, {20, 30}, IncrementOf("n", 1), Counted(3, 103));
  EXPECT_THAT(Check(), testing::ElementsAre("gap", "wrong-commit"));
}

TEST_F(SerialCheckerTest, AGap) {
  history_.Ok(1, {0, 10}, PutOf("k", "a"), Wrote(101));
  history_.Ok(1, {20, 30}, PutOf("k", "b"), Wrote(103));
  EXPECT_THAT(Check(), Only(sort::kGap));
  EXPECT_THAT(Check({.shared = true}), IsEmpty());
}

TEST_F(SerialCheckerTest, AGapBeforeTheFirstCommitThatAReadTellsOf) {
  history_.Ok(1, {0, 10}, BatchGetOf({"k"}, true), ShowAll({Misses()}, 100));
  history_.Ok(1, {20, 30}, PutOf("k", "b"), Wrote(102));
  EXPECT_THAT(Check(), Only(sort::kGap));
}

TEST_F(SerialCheckerTest, AGapBehindTheLastCommitThatAReadTellsOf) {
  history_.Ok(1, {20, 30}, PutOf("k", "b"), Wrote(102));
  history_.Ok(1, {40, 50}, BatchGetOf({"k"}, true),
              ShowAll({Shows("k", "b", 102)}, 103));
  EXPECT_THAT(Check(), Only(sort::kGap));
}

TEST_F(SerialCheckerTest, AVersionOfTwoWrites) {
  history_.Ok(1, {0, 10}, PutOf("x", "a"), Wrote(101));
  history_.Ok(2, {0, 10}, PutOf("y", "b"), Wrote(101));
  EXPECT_THAT(Check(), Only(sort::kSharedVersion));
}

TEST_F(SerialCheckerTest, VersionsAgainstTheOrderOfTime) {
  history_.Ok(1, {0, 10}, PutOf("x", "a"), Wrote(102));
  history_.Ok(2, {20, 30}, PutOf("y", "b"), Wrote(101));
  EXPECT_THAT(Check(), Only(sort::kRealTimeOrder));
}

// 102 was seen before 101 was sent.
TEST_F(SerialCheckerTest, AReadThatSawACommitOvertaken) {
  history_.Ok(1, {0, 100}, PutOf("x", "a"), Wrote(102));
  history_.Ok(2, {10, 20}, GetOf("x"), Shows("x", "a", 102));
  history_.Ok(3, {30, 40}, PutOf("y", "b"), Wrote(101));
  EXPECT_THAT(Check(), Only(sort::kFutureRead));
}

TEST_F(SerialCheckerTest, HalfAMove) {
  history_.Ok(1, {0, 10}, PutOf("a", "v"), Wrote(101));
  history_.Ok(1, {20, 30}, MoveOf("a", "b"), Moved(102));
  history_.Ok(2, {40, 50}, BatchGetOf({"a", "b"}, true),
              ShowAll({Misses(), Shows("b", "v", 102)}, 102));
  EXPECT_THAT(Check(), IsEmpty());
  history_.Ok(2, {60, 70}, GetOf("a"), Shows("a", "v", 101));
  EXPECT_THAT(Check(), Only(sort::kStaleRead));
}

TEST_F(SerialCheckerTest, AMoveSeenInTwoPlaces) {
  history_.Ok(1, {0, 10}, PutOf("a", "v"), Wrote(101));
  history_.Ok(1, {20, 90}, MoveOf("a", "b"), Moved(102));
  history_.Ok(2, {30, 80}, BatchGetOf({"a", "b"}, true),
              ShowAll({Shows("a", "v", 101), Shows("b", "v", 102)}, 102));
  EXPECT_THAT(Check(), Only(sort::kTornRead));
}

TEST_F(SerialCheckerTest, ARefusalTellsOfTheState) {
  history_.Ok(1, {0, 10}, PutOf("k", "a"), Wrote(101));
  history_.Refused(2, {20, 30}, PutIfVersion("k", "b", 99),
                   PreconditionFailed(101));
  history_.Refused(2, {20, 30}, PutIfVersion("l", "b", 99),
                   PreconditionFailed(0));
  EXPECT_THAT(Check(), IsEmpty());
}

TEST_F(SerialCheckerTest, ARefusalWithoutReason) {
  history_.Ok(1, {0, 10}, PutOf("k", "a"), Wrote(101));
  history_.Refused(2, {20, 30}, PutIfVersion("k", "b", 101),
                   PreconditionFailed(101));
  EXPECT_THAT(Check(), Only(sort::kWrongRead));
}

TEST_F(SerialCheckerTest, ARefusalWithAnotherVersion) {
  history_.Ok(1, {0, 10}, PutOf("k", "a"), Wrote(101));
  history_.Refused(2, {20, 30}, PutIfVersion("k", "b", 99),
                   PreconditionFailed(100));
  EXPECT_THAT(Check(), Only(sort::kWrongRead));
}

TEST_F(SerialCheckerTest, AStaleRefusal) {
  history_.Refused(2, {5, 6}, MoveOf("k", "l"), {"NOT_FOUND", "", {}});
  history_.Ok(1, {10, 20}, PutOf("k", "a"), Wrote(101));
  EXPECT_THAT(Check(), IsEmpty());
  history_.Refused(2, {30, 40}, MoveOf("k", "l"), {"NOT_FOUND", "", {}});
  EXPECT_THAT(Check(), Only(sort::kStaleRead));
}

TEST_F(SerialCheckerTest, ARefusalOfAnotherKind) {
  history_.Ok(1, {0, 10}, PutOf("k", "a"), Wrote(101));
  history_.Refused(2, {20, 30}, PutIfVersion("k", "b", 99),
                   {"ALREADY_EXISTS", "KEY_EXISTS", {}});
  EXPECT_THAT(Check(), Only(sort::kWrongRead));
}

TEST_F(SerialCheckerTest, ARefusalThatLookedAtNothingSaysNothing) {
  history_.Refused(1, {0, 10}, PutOf("k", "a"), Overloaded());
  history_.Ok(1, {20, 30}, GetOf("k"), Misses());
  EXPECT_THAT(Check(), IsEmpty());
}

TEST_F(SerialCheckerTest, AWriteThatWasDeniedAndSeen) {
  history_.Refused(1, {0, 10}, PutOf("k", "a"), Overloaded());
  history_.Ok(1, {20, 30}, GetOf("k"), Shows("k", "a", 101));
  EXPECT_THAT(Check(), Only(sort::kWrongRead));
}

TEST_F(SerialCheckerTest, AGoodRequestThatIsCalledBad) {
  history_.Refused(1, {0, 10}, PutOf("k", "a"),
                   {"INVALID_ARGUMENT", "INVALID_KEY", {}});
  EXPECT_THAT(Check(), Only(sort::kBadAnswer));
}

TEST_F(SerialCheckerTest, AnOpenOutcomeLeavesNothingToJudge) {
  history_.Unknown(1, {0, 10}, PutOf("k", "a"));
  history_.Ok(1, {20, 30}, GetOf("k"), Shows("k", "b", 101));
  EXPECT_THAT(Check(), Only(sort::kUnsettled));
}

TEST_F(SerialCheckerTest, ATransactionIsOneCommit) {
  v1::TransactRequest request;
  v1::Compare* const compare = request.add_compares();
  compare->set_key("k");
  compare->mutable_precondition()->set_exists(false);
  *request.add_on_success()->mutable_put() = PutOf("k", "v");
  *request.add_on_success()->mutable_increment() = IncrementOf("n", 5);
  *request.add_on_failure()->mutable_get() = GetOf("k");
  v1::TransactResponse done;
  done.set_succeeded(true);
  done.set_version(101);
  *done.add_results()->mutable_put() = Wrote(101);
  *done.add_results()->mutable_increment() = Counted(5, 101);
  history_.Ok(1, {0, 10}, request, done);
  v1::TransactResponse failed;
  *failed.add_results()->mutable_get() = Shows("k", "v", 101);
  history_.Ok(1, {20, 30}, request, failed);
  history_.Ok(2, {20, 30}, BatchGetOf({"k", "n"}, true),
              ShowAll({Shows("k", "v", 101), Shows("n", "5", 101)}, 101));
  EXPECT_THAT(Check(), IsEmpty());

  history_.Ok(3, {40, 50}, request, done);
  EXPECT_THAT(Check(), Only(sort::kSharedVersion));
}

TEST_F(SerialCheckerTest, ATransactionThatTookTheWrongBranch) {
  v1::TransactRequest request;
  v1::Compare* const compare = request.add_compares();
  compare->set_key("k");
  compare->mutable_precondition()->set_exists(true);
  *request.add_on_success()->mutable_put() = PutOf("k", "v");
  v1::TransactResponse done;
  done.set_succeeded(true);
  done.set_version(101);
  *done.add_results()->mutable_put() = Wrote(101);
  history_.Ok(1, {0, 10}, request, done);
  EXPECT_THAT(Check(), Only(sort::kWrongCommit));
}

TEST_F(SerialCheckerTest, ATouchIsACommitThatLeavesTheVersionAlone) {
  history_.Ok(1, {0, 10}, PutOf("k", "v"), Wrote(101));
  v1::TouchRequest touch;
  touch.set_key("k");
  touch.mutable_expiration()->mutable_ttl()->set_seconds(1'000);
  v1::TouchResponse touched;
  touched.set_touched(true);
  touched.set_version(102);
  touched.mutable_expire_time()->set_seconds(77);
  history_.Ok(1, {20, 30}, touch, touched);
  v1::GetResponse answer = Shows("k", "v", 101);
  answer.mutable_entry()->mutable_expire_time()->set_seconds(77);
  history_.Ok(1, {40, 50}, GetOf("k"), answer);
  EXPECT_THAT(Check(), IsEmpty());
  history_.Ok(1, {60, 70}, GetOf("k"), Shows("k", "v", 101));
  EXPECT_THAT(Check(), Only(sort::kStaleRead));
}

TEST_F(SerialCheckerTest, ADeleteOfNothingIsARead) {
  history_.Ok(1, {0, 10}, DeleteOf("k"), v1::DeleteResponse());
  history_.Ok(1, {20, 30}, PutOf("k", "v"), Wrote(101));
  EXPECT_THAT(Check(), IsEmpty());
  history_.Ok(1, {40, 50}, DeleteOf("k"), v1::DeleteResponse());
  EXPECT_THAT(Check(), Only(sort::kStaleRead));
}

TEST_F(SerialCheckerTest, CopiesAreOneCommit) {
  history_.Ok(1, {0, 10}, PutOf("k", "v"), Wrote(101), "key-1");
  history_.Ok(1, {20, 30}, PutOf("k", "v"), Wrote(101), "key-1", true);
  history_.Refused(1, {40, 50}, PutOf("k", "w"), Reused(), "key-1");
  history_.Ok(1, {60, 70}, PutOf("k", "x"), Wrote(102), "key-2");
  // A replay tells what was so once.
  history_.Ok(2, {80, 90}, PutOf("k", "v"), Wrote(101), "key-1", true);
  EXPECT_THAT(Check(), IsEmpty());
}

TEST_F(SerialCheckerTest, ACopyThatTookEffectAgainIsACommit) {
  history_.Ok(1, {0, 10}, IncrementOf("n", 1), Counted(1, 101), "key-1");
  history_.Ok(1, {20, 30}, IncrementOf("n", 1), Counted(2, 102), "key-1");
  // For the copies' own checker to find; the versions have no gap.
  EXPECT_THAT(Check(), IsEmpty());
}

TEST_F(SerialCheckerTest, RoundsFollowOnEachOther) {
  SerialChecker checker;
  Violations violations;
  history_.Ok(1, {0, 10}, PutOf("k", "v"), Wrote(101));
  checker.CheckRound(history_.history(), &violations);

  HistoryBuilder second;
  second.Ok(1, {20, 30}, GetOf("k"), Shows("k", "v", 101));
  second.Ok(1, {40, 50}, PutIfVersion("k", "w", 101), Wrote(102));
  checker.CheckRound(second.history(), &violations);
  EXPECT_THAT(violations.ToString(), IsEmpty());
  EXPECT_EQ(checker.commits(), 2u);
  EXPECT_EQ(checker.keys(), 1u);

  HistoryBuilder third;
  third.Ok(1, {60, 70}, GetOf("k"), Shows("k", "v", 101));
  third.Ok(1, {80, 90}, PutOf("k", "x"), Wrote(104));
  third.Ok(1, {100, 110}, PutOf("l", "x"), Wrote(102));
  checker.CheckRound(third.history(), &violations);
  EXPECT_EQ(violations.CountOf(sort::kWrongRead), 1u);
  EXPECT_EQ(violations.CountOf(sort::kGap), 1u);
  EXPECT_EQ(violations.CountOf(sort::kRealTimeOrder), 1u);
}

}  // namespace
}  // namespace latchkey::verify
