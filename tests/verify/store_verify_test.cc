// The checkers of client/verify judge the store: the verified workload on real
// threads, over a network on which everything goes wrong.  Nothing may be
// found.  mutants_test.cc shows that something is found where the store is
// wrong.

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <string>

#include "tests/verify/direct_run.h"

namespace latchkey::verify {
namespace {

// With the lock order asserted and nothing optimised the same takes ten times
// as long.
#ifdef NDEBUG
constexpr uint64_t kManyOperations = 1'000'000;
#else
constexpr uint64_t kManyOperations = 100'000;
#endif

// So few that each call meets others.
constexpr load::VerifyKeyCounts kFewKeys = {.data = 3,
                                            .movable = 2,
                                            .accounts = 2,
                                            .missing_accounts = 1,
                                            .counters = 1};

// Runs until `operations` have been checked and expects nothing to be found.
void Verify(DirectRun& run, uint64_t operations,
            uint64_t operations_per_round) {
  while (run.operations() < operations) {
    run.Round(operations_per_round);
    ASSERT_EQ(run.Findings().ToString(), "");
  }
  const VerifierCounts& counts = run.counts();
  const auto number = [](uint64_t count) {
    return static_cast<unsigned long long>(count);
  };
  std::printf(
      "%llu operations: %llu commits replayed in version order, %llu keyed "
      "writes, %llu retried, %llu hedged, %llu late copies\n",
      number(counts.operations), number(counts.commits),
      number(counts.keyed_writes), number(counts.retried),
      number(counts.hedged), number(run.network().late_copies));
  // What the run is for has happened.
  EXPECT_GT(counts.retried, operations / 50);
  EXPECT_GT(counts.hedged, operations / 50);
  EXPECT_GT(counts.replayed, operations / 50);
  EXPECT_GT(run.network().ended, operations / 100);
  EXPECT_GT(run.network().clock_moves, operations / 2'000);
}

TEST(StoreVerifyTest, TwoToFourThreads) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    DirectRun run({.engine = {.threads = 1 + seed, .seed = seed}});
    Verify(run, 10'000, 1'000);
  }
}

TEST(StoreVerifyTest, OnFewKeys) {
  DirectRun run({.engine = {.threads = 4, .seed = 4}, .keys = kFewKeys});
  Verify(run, 10'000, 1'000);
}

TEST(StoreVerifyTest, WhereMostCopiesGoWrong) {
  DirectRun run({.engine = {.threads = 4,
                            .seed = 5,
                            .faults = {.request_lost = 150,
                                       .answer_lost = 200,
                                       .sent_twice = 200,
                                       .ended = 150,
                                       .late_copies = 500,
                                       .clock_moves = 10}}});
  Verify(run, 10'000, 1'000);
}

// A full ledger refuses, and what it refused did not happen.  Nothing is lost
// here: whose copy is lost and then refused is told nothing, and cannot be.
TEST(StoreVerifyTest, OverAFullLedger) {
  DirectRun run({.engine = {.threads = 4,
                            .seed = 6,
                            .faults = {.request_lost = 0,
                                       .answer_lost = 0,
                                       .ended = 0,
                                       .clock_moves = 20},
                            .store = {.idempotency_bytes_max = 64 * 1024}}});
  for (int round = 0; round < 10; ++round) {
    run.Round(1'000);
    ASSERT_EQ(run.Findings().ToString(), "");
  }
  EXPECT_GT(run.store().ledger_counters().refusals, 500u);
  EXPECT_GT(run.counts().commits, 500u);
}

TEST(StoreVerifyTest, ManyOperations) {
  DirectRun run({.engine = {.threads = 4, .seed = 7}});
  Verify(run, kManyOperations, 20'000);
}

}  // namespace
}  // namespace latchkey::verify
