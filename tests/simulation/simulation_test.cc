// A few runs, of which each must be what its seed makes it.

#include "tests/simulation/simulation.h"

#include <gtest/gtest.h>

namespace latchkey::simulation {
namespace {

TEST(SimulationTest, ASeedIsOneRun) {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    const SimulationResult first = Simulate({.seed = seed, .seconds = 20});
    const SimulationResult second = Simulate({.seed = seed, .seconds = 20});
    EXPECT_EQ(first.trace, second.trace) << "seed " << seed;
    EXPECT_EQ(first.steps, second.steps);
    EXPECT_EQ(first.checked.commits, second.checked.commits);
  }
  EXPECT_NE(Simulate({.seed = 1, .seconds = 5}).trace,
            Simulate({.seed = 2, .seconds = 5}).trace);
}

// What a run is for happens in it.
TEST(SimulationTest, MuchGoesWrong) {
  SimulationResult sum;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    sum.Add(Simulate({.seed = seed, .seconds = 20}));
  }
  EXPECT_EQ(sum.violations.ToString(), "");
  EXPECT_GT(sum.checked.operations, 1'000u);
  EXPECT_GT(sum.checked.replayed, sum.checked.operations / 50);
  EXPECT_GT(sum.checked.hedged, sum.checked.operations / 10);
  EXPECT_GT(sum.late_copies, 100u);
  EXPECT_GT(sum.scans.snapshots, 20u);
  EXPECT_GT(sum.scans.resumed, 5u);
  EXPECT_GT(sum.expiry_reads, 20u);
  EXPECT_GT(sum.lanes.run, 200u);
  EXPECT_GT(sum.lanes.ended, 50u);
  EXPECT_GT(sum.lanes.refused, 5u);
  EXPECT_GT(sum.lives, 10u);
  EXPECT_GT(sum.stalls, 50u);
  EXPECT_GT(sum.lock_waits, 100u);
}

}  // namespace
}  // namespace latchkey::simulation
