#include "client/verify/copy_checker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/client/verify/history_builder.h"

namespace latchkey::verify {
namespace {

class CopyCheckerTest : public testing::Test {
 protected:
  // How often the one sort was found that was found at all; 0 where none was.
  uint64_t Count(std::string_view sort) {
    Violations violations;
    CheckCopies(history_.history(), &violations);
    EXPECT_EQ(violations.count(), violations.CountOf(sort))
        << violations.ToString();
    return violations.CountOf(sort);
  }

  HistoryBuilder history_;
};

TEST_F(CopyCheckerTest, AReplayIsTheFirstAnswer) {
  history_.Ok(1, {0, 10}, PutOf("k", "v"), Wrote(101), "key");
  history_.Ok(1, {20, 30}, PutOf("k", "v"), Wrote(101), "key", true);
  history_.Refused(2, {0, 10}, PutIfVersion("k", "v", 7),
                   PreconditionFailed(101), "other");
  history_.Refused(2, {20, 30}, PutIfVersion("k", "v", 7),
                   PreconditionFailed(101), "other", true);
  EXPECT_EQ(Count(""), 0u);
}

TEST_F(CopyCheckerTest, ACopyWithAnotherAnswer) {
  history_.Ok(1, {0, 10}, PutOf("k", "v"), Wrote(101), "key");
  history_.Ok(1, {20, 30}, PutOf("k", "v"), Wrote(102), "key", true);
  EXPECT_EQ(Count(sort::kCopyDiffers), 1u);
}

TEST_F(CopyCheckerTest, ACopyThatWasRefused) {
  history_.Ok(1, {0, 10}, PutIfVersion("k", "v", 7), Wrote(101), "key");
  history_.Refused(1, {20, 30}, PutIfVersion("k", "v", 7),
                   PreconditionFailed(101), "key", true);
  EXPECT_EQ(Count(sort::kCopyDiffers), 1u);
}

TEST_F(CopyCheckerTest, ARefusalWithOtherMetadata) {
  history_.Refused(1, {0, 10}, PutIfVersion("k", "v", 7),
                   PreconditionFailed(101), "key");
  history_.Refused(1, {20, 30}, PutIfVersion("k", "v", 7),
                   PreconditionFailed(102), "key", true);
  EXPECT_EQ(Count(sort::kCopyDiffers), 1u);
}

TEST_F(CopyCheckerTest, GetOutcomeTellsOnlyTheCode) {
  history_.Refused(1, {0, 10}, PutIfVersion("k", "v", 7), {"ABORTED", "", {}},
                   "key");
  history_.Refused(1, {20, 30}, PutIfVersion("k", "v", 7),
                   PreconditionFailed(102), "key", true);
  EXPECT_EQ(Count(""), 0u);
}

TEST_F(CopyCheckerTest, ALateCopyThatIsNoReplay) {
  history_.Ok(1, {0, 10}, PutOf("k", "v"), Wrote(101), "key");
  history_.Ok(1, {20, 30}, PutOf("k", "v"), Wrote(101), "key", false);
  EXPECT_EQ(Count(sort::kCopyNotReplayed), 1u);
}

TEST_F(CopyCheckerTest, OfTwoCopiesAtOnceEitherIsTheReplay) {
  history_.Ok(1, {0, 20}, PutOf("k", "v"), Wrote(101), "key", true);
  history_.Ok(2, {5, 30}, PutOf("k", "v"), Wrote(101), "key", false);
  EXPECT_EQ(Count(""), 0u);
}

TEST_F(CopyCheckerTest, AShedCopySaysNothing) {
  history_.Ok(1, {0, 10}, PutOf("k", "v"), Wrote(101), "key");
  history_.Refused(1, {20, 30}, PutOf("k", "v"), Overloaded(), "key");
  history_.Unknown(1, {40, 50}, PutOf("k", "v"), "key");
  EXPECT_EQ(Count(""), 0u);
}

TEST_F(CopyCheckerTest, AUsedKeyIsRefused) {
  history_.Ok(1, {0, 10}, PutOf("k", "v"), Wrote(101), "key");
  history_.Refused(1, {20, 30}, PutOf("k", "w"), Reused(), "key");
  EXPECT_EQ(Count(""), 0u);
}

TEST_F(CopyCheckerTest, AUsedKeyThatIsAccepted) {
  history_.Ok(1, {0, 10}, PutOf("k", "v"), Wrote(101), "key");
  history_.Ok(1, {20, 30}, PutOf("k", "w"), Wrote(102), "key");
  EXPECT_EQ(Count(sort::kReuseAccepted), 1u);
}

TEST_F(CopyCheckerTest, AUsedKeyThatIsReplayedForAnotherMethod) {
  history_.Ok(1, {0, 10}, PutOf("k", "v"), Wrote(101), "key");
  history_.Ok(1, {20, 30}, DeleteOf("k"), Deleted(101), "key", true);
  EXPECT_EQ(Count(sort::kReuseAccepted), 1u);
}

TEST_F(CopyCheckerTest, ANewKeyThatIsRefusedAsUsed) {
  history_.Refused(1, {0, 10}, PutOf("k", "v"), Reused(), "key");
  EXPECT_EQ(Count(sort::kReuseInvented), 1u);
}

}  // namespace
}  // namespace latchkey::verify
