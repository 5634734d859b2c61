// RunVerified takes a run with --verify through its rounds:
//
//   set up; again and again: delete the logs of the last round, operations,
//   read the logs, check; and at the end delete everything, and check
//
// A round has at most so many operations (Options::round_operations), so that a
// run of any length needs the memory of one.  At its end nothing is under way
// and every outcome is known.  The first round with a violation is the last
// one.
//
// Before each check the run reads its sentinel; where that is gone, the server
// has lost its data and its ledger, and nothing can be said of the round.
//
// Thread safety: as RunLoad().

#ifndef LATCHKEY_CLIENT_LOAD_VERIFY_RUN_H_
#define LATCHKEY_CLIENT_LOAD_VERIFY_RUN_H_

#include <atomic>
#include <cstdint>
#include <ostream>

#include "client/load/engine.h"
#include "client/load/options.h"
#include "client/load/progress_line.h"
#include "client/load/run_result.h"

namespace latchkey::load {

// A faulty link may be silent for longer than kGoneAfter.
inline constexpr Nanos kVerifyGoneAfter = 30 * kNanosPerSecond;

// REQUIRES: the engine gives each write an idempotency key.
RunResult RunVerified(const Options& options, Engine& engine,
                      const ProgressSink& progress,
                      const std::atomic<bool>& stop, std::ostream* history);

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_VERIFY_RUN_H_
