#include "client/lib/stamp_keeper.h"

#include <gtest/gtest.h>

#include <chrono>

#include "tests/client/lib/fakes.h"

namespace latchkey::client {
namespace {

using std::chrono::seconds;

class StampKeeperTest : public testing::Test {
 protected:
  void Learn(const char* stamp) { keeper_.Learn(stamp, clock_.Now()); }
  bool Stale() const { return keeper_.Stale(clock_.Now()); }

  FakeClock clock_;
  StampKeeper keeper_{seconds(120)};
};

TEST_F(StampKeeperTest, BeginsWithNone) {
  EXPECT_TRUE(Stale());
  EXPECT_EQ(keeper_.Get(), "");
}

TEST_F(StampKeeperTest, IsStaleBeyondAQuarterOfTheWindow) {
  Learn("a");
  EXPECT_FALSE(Stale());
  clock_.Advance(seconds(30));
  EXPECT_FALSE(Stale());
  clock_.Advance(Duration(1));
  EXPECT_TRUE(Stale());
  EXPECT_EQ(keeper_.Get(), "a");
}

TEST_F(StampKeeperTest, EveryAnswerRefreshes) {
  Learn("a");
  clock_.Advance(seconds(20));
  Learn("b");
  clock_.Advance(seconds(20));
  EXPECT_FALSE(Stale());
  EXPECT_EQ(keeper_.Get(), "b");
}

TEST_F(StampKeeperTest, DoubtKeepsTheStampButAsksForANewOne) {
  Learn("a");
  keeper_.Doubt();
  EXPECT_TRUE(Stale());
  EXPECT_EQ(keeper_.Get(), "a");
  Learn("b");
  EXPECT_FALSE(Stale());
}

TEST_F(StampKeeperTest, AsksAServerWithoutStampsAgainInTime) {
  Learn("");
  EXPECT_FALSE(Stale());
  clock_.Advance(seconds(31));
  EXPECT_TRUE(Stale());
}

}  // namespace
}  // namespace latchkey::client
