// What a store may use when its process holds more than it should, and that it
// evicts down to that.

#include "server/store/resident_limit.h"

#include <gtest/gtest.h>

#include <string>

#include "server/store/memory_budget.h"
#include "tests/server/store/store_fixture.h"

namespace latchkey {
namespace {

constexpr size_t kMiB = 1024 * 1024;
constexpr size_t kMax = 1000 * kMiB;
constexpr size_t kBefore = 20 * kMiB;
// 20 before, 1,000 of the budget, 50 of loss, 16 for others.
constexpr size_t kSoftMax = 1086 * kMiB;

class ResidentLimitTest : public testing::Test {
 protected:
  ResidentLimitTest() { budget_.Take(kMax); }
  ~ResidentLimitTest() override { budget_.Give(budget_.used()); }

  MemoryBudget budget_{kMax};
  ResidentLimit limit_{budget_, kBefore};
};

TEST_F(ResidentLimitTest, LeavesTheBudgetAloneUpToTheLimit) {
  EXPECT_EQ(limit_.soft_max(), kSoftMax);
  limit_.Look(kSoftMax);
  EXPECT_EQ(budget_.usable(), kMax);
}

TEST_F(ResidentLimitTest, TakesWhatIsTooMuch) {
  limit_.Look(kSoftMax + kMiB);
  EXPECT_EQ(budget_.usable(), kMax - kMiB);
  // Of what is used, since less than that changes nothing.
  budget_.Give(100 * kMiB);
  limit_.Look(kSoftMax + kMiB);
  EXPECT_EQ(budget_.usable(), 899 * kMiB);
}

TEST_F(ResidentLimitTest, TakesNoMoreThanAPartAtATimeAndNeverAll) {
  limit_.Look(2 * kMax);
  EXPECT_EQ(budget_.usable(), kMax - kMax / 32);
  for (int i = 0; i < 100; ++i) limit_.Look(2 * kMax);
  EXPECT_EQ(budget_.usable(), kMax / 2);
  EXPECT_EQ(budget_.bytes_max(), kMax);
}

TEST_F(ResidentLimitTest, GivesBackWhenThereIsRoomAgain) {
  budget_.SetUsable(kMax / 2);
  limit_.Look(kSoftMax - kMiB);
  EXPECT_EQ(budget_.usable(), kMax / 2 + kMiB);
  for (int i = 0; i < 1000; ++i) limit_.Look(kMax / 2);
  EXPECT_EQ(budget_.usable(), kMax);
}

TEST_F(ResidentLimitTest, DoesNotJudgeByWhatTheSystemDoesNotTell) {
  budget_.SetUsable(kMax / 2);
  limit_.Look(0);
  EXPECT_EQ(budget_.usable(), kMax / 2);
}

class ShrinkTest : public StoreTest {
 protected:
  ShrinkTest() : StoreTest({.memory_bytes_max = 10 * kMiB}) {
    for (int i = 0; i < 5000; ++i) {
      Put("k" + std::to_string(i), std::string(500, 'v'));
    }
  }
};

TEST_F(ShrinkTest, EvictsUntilWhatIsUsedIsUsable) {
  EXPECT_EQ(store().ShrinkToUsable(1000), 0u);
  const size_t used = store().memory().used();
  store().memory().SetUsable(used - 100'000);
  // In steps.
  EXPECT_GT(store().ShrinkToUsable(10), 0u);
  EXPECT_GT(store().memory().used(), store().memory().usable());
  while (store().ShrinkToUsable(100) > 0) {
  }
  EXPECT_LE(store().memory().used(), used - 100'000);
  EXPECT_GT(store().memory().used(), used - 300'000);
}

TEST_F(ShrinkTest, AWriteKeepsToWhatIsUsable) {
  store().memory().SetUsable(store().memory().used());
  for (int i = 0; i < 1000; ++i) {
    Put("new" + std::to_string(i), std::string(500, 'w'));
    ASSERT_LE(store().memory().used(), store().memory().usable());
  }
}

}  // namespace
}  // namespace latchkey
