#include "client/lib/retry_budget.h"

#include <gtest/gtest.h>

namespace latchkey::client {
namespace {

void Fail(RetryBudget& budget, int times) {
  for (int i = 0; i < times; ++i) budget.OnFailure();
}

void Succeed(RetryBudget& budget, int times) {
  for (int i = 0; i < times; ++i) budget.OnSuccess();
}

TEST(RetryBudgetTest, AllowsRetriesWhileMoreThanHalfIsLeft) {
  RetryBudget budget;
  EXPECT_TRUE(budget.AllowsRetry());
  Fail(budget, 4);
  EXPECT_TRUE(budget.AllowsRetry());
  Fail(budget, 1);
  EXPECT_FALSE(budget.AllowsRetry());
  Succeed(budget, 1);
  EXPECT_TRUE(budget.AllowsRetry());
}

TEST(RetryBudgetTest, TenSuccessesPayForOneFailure) {
  RetryBudget budget;
  Fail(budget, 6);
  Succeed(budget, 10);
  EXPECT_FALSE(budget.AllowsRetry());
  Succeed(budget, 1);
  EXPECT_TRUE(budget.AllowsRetry());
}

TEST(RetryBudgetTest, HoldsNoMoreThanTen) {
  RetryBudget budget;
  Succeed(budget, 1000);
  Fail(budget, 5);
  EXPECT_FALSE(budget.AllowsRetry());
}

TEST(RetryBudgetTest, OwesNoMoreThanTen) {
  RetryBudget budget;
  Fail(budget, 1000);
  Succeed(budget, 50);
  EXPECT_FALSE(budget.AllowsRetry());
  Succeed(budget, 1);
  EXPECT_TRUE(budget.AllowsRetry());
}

TEST(RetryBudgetTest, HedgesPayWhenTheyAreSent) {
  RetryBudget budget;
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(budget.TakeHedge()) << i;
  EXPECT_FALSE(budget.TakeHedge());
  // Refused, and so not paid.
  EXPECT_FALSE(budget.AllowsRetry());
  Succeed(budget, 1);
  EXPECT_TRUE(budget.TakeHedge());
}

}  // namespace
}  // namespace latchkey::client
