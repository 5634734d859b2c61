// Driver is a run of exactly_once: it starts, stops and kills the server, and
// divides its lives into rounds.
//
//   life    a latchkeyd from its start to kill -9; some rounds
//   round   operations on all slots, until so many writes were acknowledged;
//           then all that is open is settled, the logs are read, and the round
//           is checked.  The last round of a life ends with the kill instead,
//           in the middle of everything.
//
// When no more kills are asked for, the last life ends with a checked round.
//
// Thread safety: an instance belongs to one thread.

#ifndef LATCHKEY_TESTS_STRESS_DRIVER_H_
#define LATCHKEY_TESTS_STRESS_DRIVER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>

#include "absl/status/status.h"
#include "client/load/engine.h"
#include "tests/stress/call_loop.h"
#include "tests/stress/late_copies.h"
#include "tests/stress/life.h"
#include "tests/stress/life_record.h"
#include "tests/stress/operation_maker.h"
#include "tests/stress/options.h"
#include "tests/support/fault_proxy.h"

namespace latchkey::stress {

struct DriverTotals {
  uint64_t kills = 0;
  // SIGSTOPs.
  uint64_t stops = 0;
  // Copies of acknowledged writes that the next life refused.
  uint64_t refused_late = 0;
};

class Driver {
 public:
  // `port` has `slots` slots and calls through `proxy`.  All outlive the
  // driver.
  Driver(const Options& options, load::CallPort& port, size_t slots,
         FaultProxy& proxy);

  // Until all numbers asked for are reached, or the time is up.  An error says
  // why the run ended before.
  absl::Status Run();

  // Whether there were as many kills, resets and writes as were asked for.
  bool ReachedAll() const;

  const DriverTotals& totals() const { return totals_; }
  const CallTotals& call_totals() const { return loop_.totals(); }
  const LifeRecord& record() const { return record_; }

 private:
  absl::Status StartLife();
  void KillLife();
  absl::Status LoadRound(uint64_t writes);
  absl::Status EndRound();

  absl::Status StepUntilQuiet();
  absl::Status Step();
  void StopServer();
  bool TimeIsUp() { return port_.Now() >= end_; }
  void Progress(load::Nanos now);

  // Constant after construction.
  const Options& options_;
  load::CallPort& port_;
  const size_t slots_;
  FaultProxy& proxy_;
  const load::Nanos start_;
  const load::Nanos end_;

  std::mt19937_64 random_;
  LifeRecord record_;
  CallLoop loop_;
  LateCopies late_copies_;
  std::unique_ptr<OperationMaker> maker_;
  std::unique_ptr<Life> life_;
  uint64_t lives_ = 0;
  // When a stopped server goes on.
  load::Nanos continue_at_ = load::kForever;
  load::Nanos next_progress_ = 0;
  DriverTotals totals_;
};

}  // namespace latchkey::stress

#endif  // LATCHKEY_TESTS_STRESS_DRIVER_H_
