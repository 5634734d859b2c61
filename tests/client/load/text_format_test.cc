#include "client/load/text_format.h"

#include <gtest/gtest.h>

namespace latchkey::load {
namespace {

TEST(TextFormatTest, GroupsThousands) {
  EXPECT_EQ(WithThousands(0), "0");
  EXPECT_EQ(WithThousands(999), "999");
  EXPECT_EQ(WithThousands(1'000), "1,000");
  EXPECT_EQ(WithThousands(1'234'567), "1,234,567");
}

TEST(TextFormatTest, RoundsToDigits) {
  EXPECT_EQ(Fixed(1.005, 1), "1.0");
  EXPECT_EQ(Fixed(12.345, 0), "12");
}

TEST(TextFormatTest, ShowsMicroseconds) {
  EXPECT_EQ(Micros(0), "0.0");
  EXPECT_EQ(Micros(87'140), "87.1");
  EXPECT_EQ(Micros(999'900), "999.9");
  EXPECT_EQ(Micros(1'234'500'000), "1,234,500");
}

}  // namespace
}  // namespace latchkey::load
