// Simulate() runs clients, a bad network and lives of the server under one
// seed, in virtual time, and has all of it judged:
//
//   client/verify       what clients saw is strictly serializable, and each
//                       append is in its log once
//   LedgerJudge         each copy of each write has the one right answer
//   ScanCheck           snapshots are exact, accounts add up
//   ExpiryCheck         nothing is seen after its expiry, nor missed before
//   FanOutCheck         nothing outlives the scope that started it
//   Scheduler           locks are taken in order; nobody waits for ever
//
// and, at the end of a run, that the ledger and the snapshots have given back
// all they took.
//
// The same options give the same run, choice by choice: the same trace.
//
// Thread safety: may be called from any thread, by one at a time.
//
// Example:
//   const SimulationResult result = Simulate({.seed = 7, .seconds = 60});
//   EXPECT_EQ(result.violations.ToString(), "");

#ifndef LATCHKEY_TESTS_SIMULATION_SIMULATION_H_
#define LATCHKEY_TESTS_SIMULATION_SIMULATION_H_

#include <cstdint>
#include <string_view>

#include "client/verify/verifier.h"
#include "client/verify/violations.h"
#include "server/runtime/lane_metrics.h"
#include "tests/simulation/scan_check.h"

namespace latchkey::simulation {

namespace sort {
// What the scheduler has seen: a lock out of order, or a deadlock.
inline constexpr std::string_view kLocks = "locks";
}  // namespace sort

struct SimulationOptions {
  uint64_t seed = 1;
  // Virtual ones, in which clients act.
  int64_t seconds = 60;
  // The ledger is too small for all records.  One seed in four has that anyway.
  bool small_ledger = false;
};

// What became of the work of lanes.
struct LaneCounts {
  uint64_t run = 0;
  uint64_t refused = 0;
  uint64_t shed = 0;
  uint64_t ended = 0;

  void Add(const LaneMetrics& metrics);
  void Add(const LaneCounts& other);
};

struct SimulationResult {
  verify::Violations violations;
  // Of all choices and answers.
  uint64_t trace = 0;

  // What has happened.
  verify::VerifierCounts checked;
  ScanCounts scans;
  uint64_t lives = 0;
  uint64_t late_copies = 0;
  uint64_t expiry_reads = 0;
  LaneCounts lanes;
  uint64_t steps = 0;
  uint64_t switches = 0;
  uint64_t stalls = 0;
  uint64_t lock_waits = 0;

  void Add(const SimulationResult& other);
};

SimulationResult Simulate(const SimulationOptions& options);

}  // namespace latchkey::simulation

#endif  // LATCHKEY_TESTS_SIMULATION_SIMULATION_H_
