#include "server/rpc/peer_loads.h"

#include <gtest/gtest.h>

namespace latchkey {
namespace {

constexpr Nanos kMilli = kNanosPerMilli;

class PeerLoadsTest : public testing::Test {
 protected:
  // `load` uses `used`, and the clock goes on by as much.
  void Use(PeerLoads::Load& load, Nanos used) {
    now_ += used;
    loads_.Count(load, used, now_);
  }

  // A window in which each uses what it is given with, a millisecond at a time.
  void Window(PeerLoads::Load& a, int a_millis, PeerLoads::Load& b,
              int b_millis) {
    for (int i = 0; i < 20; ++i) {
      if (i < a_millis) Use(a, kMilli);
      if (i < b_millis) Use(b, kMilli);
    }
  }

  PeerLoads loads_;
  UnixNanos now_ = 1'000 * kNanosPerSecond;
};

TEST_F(PeerLoadsTest, WhoIsAloneIsNeverHeavy) {
  PeerLoads::Load& alone = loads_.Enter("alone");
  for (int i = 0; i < 100; ++i) {
    Use(alone, kMilli);
    EXPECT_FALSE(loads_.IsHeavy(alone));
  }
}

TEST_F(PeerLoadsTest, WhoTakesMoreThanItsShareIsHeavyWithinTheWindow) {
  PeerLoads::Load& little = loads_.Enter("little");
  PeerLoads::Load& much = loads_.Enter("much");
  Use(little, kMilli);
  Use(much, 9 * kMilli);
  EXPECT_FALSE(loads_.IsHeavy(much));
  Use(much, 2 * kMilli);
  EXPECT_TRUE(loads_.IsHeavy(much));
  EXPECT_FALSE(loads_.IsHeavy(little));
}

TEST_F(PeerLoadsTest, TimeThatIsToBeCountedIsSeen) {
  PeerLoads::Load& little = loads_.Enter("little");
  PeerLoads::Load& much = loads_.Enter("much");
  Use(little, kMilli);
  Use(much, kMilli);
  much.uncounted = 15 * kMilli;
  EXPECT_TRUE(loads_.IsHeavy(much));
}

TEST_F(PeerLoadsTest, HeavyLastsForTheNextWindowAndNoLonger) {
  PeerLoads::Load& little = loads_.Enter("little");
  PeerLoads::Load& much = loads_.Enter("much");
  Window(little, 3, much, 17);
  EXPECT_TRUE(loads_.IsHeavy(much));
  // The second ends the one in which it was.
  for (int i = 0; i < 3; ++i) Window(little, 10, much, 10);
  EXPECT_FALSE(loads_.IsHeavy(much));
  EXPECT_FALSE(loads_.IsHeavy(little));
}

TEST_F(PeerLoadsTest, WhoComesBackIsWhatItWas) {
  PeerLoads::Load& little = loads_.Enter("little");
  PeerLoads::Load& much = loads_.Enter("much");
  Window(little, 3, much, 17);
  loads_.Leave(much);
  EXPECT_TRUE(loads_.IsHeavy(loads_.Enter("much")));
}

TEST_F(PeerLoadsTest, WhoIsGoneIsForgotten) {
  PeerLoads::Load& stays = loads_.Enter("stays");
  PeerLoads::Load& goes = loads_.Enter("goes");
  Window(stays, 3, goes, 17);
  loads_.Leave(goes);
  EXPECT_EQ(loads_.size(), 2u);
  for (int i = 0; i < 3; ++i) Window(stays, 20, stays, 0);
  EXPECT_EQ(loads_.size(), 1u);
  loads_.Leave(loads_.Enter("quiet"));
  EXPECT_EQ(loads_.size(), 1u);
}

}  // namespace
}  // namespace latchkey
