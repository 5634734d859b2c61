#include "client/load/phase_runner.h"

#include <chrono>
#include <future>

namespace latchkey::load {

MakePhase PhaseRunner::PacedUntil(Nanos start, Nanos end) const {
  return [this, start, end](size_t thread) {
    Phase phase = {.end = end,
                   .useful_within = options_.timeout,
                   .cancel_ratio = options_.cancel_ratio,
                   .cancel_after = options_.cancel_after,
                   .cancel_random = Random(options_.seed, ~thread)};
    if (options_.open_loop()) {
      phase.pace =
          PacerOptions{.start = start,
                       .end = end,
                       .rate = options_.rate,
                       .thread = static_cast<uint32_t>(thread),
                       .threads = static_cast<uint32_t>(options_.threads),
                       .backlog_max = options_.backlog_max / options_.threads};
    }
    return phase;
  };
}

Tally PhaseRunner::Run(std::string_view name, const Workloads& workloads,
                       const MakePhase& make_phase, PhaseSignals* signals) {
  if (signals->stop == nullptr) signals->stop = &stop_;
  std::vector<std::future<Tally>> threads;
  for (size_t i = 0; i < workloads.size(); ++i) {
    threads.push_back(std::async(std::launch::async, [&, i] {
      Worker worker(engine_.Port(i), engine_.SlotCount(i), *workloads[i],
                    *signals);
      return worker.Run(make_phase(i));
    }));
  }

  ProgressLine line(progress_, name);
  auto tick = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  Tally sum;
  for (std::future<Tally>& thread : threads) {
    while (thread.wait_until(tick) != std::future_status::ready) {
      line.Tick(signals->ended.load(std::memory_order_relaxed),
                signals->errors.load(std::memory_order_relaxed));
      tick += std::chrono::seconds(1);
    }
    sum.Merge(thread.get());
  }
  return sum;
}

bool PhaseRunner::GoOn(const PhaseSignals& signals, const Tally& tally,
                       RunResult* result) const {
  if (signals.gone) {
    result->ending = Ending::kUnavailable;
    for (const auto& [code_and_reason, sample] : tally.errors) {
      result->unavailable_message = code_and_reason.first + ": " + sample.first;
    }
    return false;
  }
  if (stop_.load(std::memory_order_relaxed)) {
    result->ending = Ending::kInterrupted;
    return false;
  }
  return true;
}

}  // namespace latchkey::load
