#include "server/base/check.h"

#include <gtest/gtest.h>

namespace latchkey {
namespace {

TEST(CheckTest, PassesWhatHolds) {
  int evaluated = 0;
  LATCHKEY_CHECK(++evaluated == 1, "a condition is evaluated once");
  EXPECT_EQ(evaluated, 1);
}

TEST(CheckDeathTest, EndsTheProcessAndSaysWhere) {
  EXPECT_DEATH(LATCHKEY_CHECK(1 + 1 == 3, "sums are right"),
               "check_test.cc:[0-9]+: broken promise: sums are right "
               "\\(1 \\+ 1 == 3\\)");
}

}  // namespace
}  // namespace latchkey
