// PhaseRunner runs the phases of a run: a workload on each thread, until all
// have ended, with a line of progress each second.
//
// Thread safety: an instance belongs to one thread; Run() starts threads and
// joins them.

#ifndef LATCHKEY_CLIENT_LOAD_PHASE_RUNNER_H_
#define LATCHKEY_CLIENT_LOAD_PHASE_RUNNER_H_

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "client/load/engine.h"
#include "client/load/options.h"
#include "client/load/progress_line.h"
#include "client/load/run_result.h"
#include "client/load/tally.h"
#include "client/load/worker.h"
#include "client/load/workload.h"

namespace latchkey::load {

// One for each thread, from the first on.
using Workloads = std::vector<std::unique_ptr<Workload>>;
using MakePhase = std::function<Phase(size_t thread)>;

class PhaseRunner {
 public:
  // All outlive this object.  `stop` ends any phase that has no stop of its
  // own.
  PhaseRunner(const Options& options, Engine& engine,
              const ProgressSink& progress, const std::atomic<bool>& stop)
      : options_(options), engine_(engine), progress_(progress), stop_(stop) {}

  // Returns when all threads have ended.
  Tally Run(std::string_view name, const Workloads& workloads,
            const MakePhase& make_phase, PhaseSignals* signals);

  // A phase from `start` to `end` at the pace of the options.
  MakePhase PacedUntil(Nanos start, Nanos end) const;

  // Whether the run goes on after a phase; `result` says why where it does not.
  bool GoOn(const PhaseSignals& signals, const Tally& tally,
            RunResult* result) const;

  Nanos Now() { return engine_.Port(0).Now(); }
  Engine& engine() { return engine_; }
  const ProgressSink& progress() const { return progress_; }

 private:
  const Options& options_;
  Engine& engine_;
  const ProgressSink& progress_;
  const std::atomic<bool>& stop_;
};

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_PHASE_RUNNER_H_
