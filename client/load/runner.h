// RunLoad takes a run through its phases:
//
//   connect, preload, warm-up, measurement, and for `transfer` the audit
//
// A run that is verified has phases of its own (verify_run.h).
//
// Between two phases nothing is in flight, so that what is measured, CPU time
// included, is the measurement and nothing else.
//
// Thread safety: RunLoad() starts options.threads threads for each phase and
// joins them; `stop` may be set from anywhere, a signal handler included.

#ifndef LATCHKEY_CLIENT_LOAD_RUNNER_H_
#define LATCHKEY_CLIENT_LOAD_RUNNER_H_

#include <atomic>
#include <ostream>

#include "client/load/engine.h"
#include "client/load/options.h"
#include "client/load/progress_line.h"
#include "client/load/run_result.h"

namespace latchkey::load {

// How long the server may take to accept the first connections.
inline constexpr Nanos kConnectPatience = 5 * kNanosPerSecond;

// `stop` ends the run early; it then reports on what it has.  `history`: where
// what a run that is verified did is written (client/verify/history_file.h);
// null: nowhere.
RunResult RunLoad(const Options& options, Engine& engine,
                  const ProgressSink& progress, const std::atomic<bool>& stop,
                  std::ostream* history = nullptr);

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_RUNNER_H_
