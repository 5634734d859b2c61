// exactly_once: the proof under fire.  --help says what it does; driver.h says
// how.

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "client/load/client_engine.h"
#include "client/verify/violations.h"
#include "tests/stress/driver.h"
#include "tests/stress/options.h"
#include "tests/support/fault_proxy.h"

namespace latchkey::stress {
namespace {

using verify::Violations;

void Print(const char* what, uint64_t count) {
  std::printf("  %-44s %12llu\n", what, static_cast<unsigned long long>(count));
}

uint64_t Lost(const Violations& violations) {
  return violations.CountOf(verify::sort::kLostAppend);
}

uint64_t Doubled(const Violations& violations) {
  return violations.CountOf(verify::sort::kDoubledAppend);
}

// Mostly resets and lost replies, which leave the outcome of a write open.
absl::StatusOr<std::unique_ptr<FaultProxy>> StartBadLink(
    const Options& options) {
  // A port that nobody listens at, until there is a server.
  auto proxy = FaultProxy::Start("127.0.0.1:1");
  if (!proxy.ok()) return proxy;
  const absl::Status set = (*proxy)->SetRandomFaults(RandomFaults{
      .seed = options.seed,
      .bytes_between_max = options.fault_bytes,
      .reset = 6,
      .lose_reply = 6,
      .truncate = 2,
      .delay = 2,
      .drop = 1,
      .mirror_percent = options.mirror_percent,
  });
  if (!set.ok()) return set;
  return proxy;
}

void Report(const Driver& driver, const FaultCounters& faults) {
  const CallTotals& calls = driver.call_totals();
  const LifeRecord& record = driver.record();
  std::printf("done to the server and its link:\n");
  Print("kills", driver.totals().kills);
  Print("stops", driver.totals().stops);
  Print("connections reset", faults.resets);
  Print("  of these, with a reply lost", faults.replies_lost);
  Print("connections cut short", faults.truncations);
  Print("connections that sent each request twice", faults.mirrored);
  std::printf("sent by the client:\n");
  Print("operations that ended", calls.operations);
  Print("keyed writes acknowledged", calls.writes);
  Print("calls sent more than once", calls.retried);
  Print("  copies of them beside an earlier one", calls.hedges);
  Print("acknowledged writes sent once more", calls.copies);
  Print("answers that were replays", calls.replays);
  Print("writes unknown when their call ended", calls.unknown);
  Print("  settled: done", calls.settled_done);
  Print("  settled: not applied, and never will be", calls.settled_not_applied);
  Print("  unknown for good, in a life that was killed",
        record.unknown_at_kill());
  Print("refused by the next life: under way at a kill",
        calls.refused_under_way);
  Print("refused by the next life: late copies", driver.totals().refused_late);
  std::printf("checked:\n");
  Print("operations replayed in version order", record.counts().strict);
  Print("operations after a kill's first gap", record.counts().weak);
  Print("acknowledged appends seen by a later read",
        record.counts().appends_seen);
  Print("rounds in full", record.counts().rounds);
  Print("rounds that a kill ended", record.counts().dead_rounds);
}

int Main(int argc, char** argv) {
  const CommandLine line = ParseCommandLine(argc, argv);
  if (!line.options.has_value()) return line.exit_code;
  const Options& options = *line.options;

  auto proxy = StartBadLink(options);
  if (!proxy.ok()) {
    std::fprintf(stderr, "exactly_once: %s\n",
                 proxy.status().ToString().c_str());
    return 1;
  }
  load::ClientEngineOptions engine_options = {
      .target = {.address = (*proxy)->address()},
      .connections = options.connections,
      .threads = 1,
      .in_flight = options.in_flight,
      .timeout = load::kNanosPerSecond};
  if (options.hedge_ms > 0) {
    engine_options.hedge_delay = options.hedge_ms * load::kNanosPerMilli;
  }
  load::ClientEngine engine(engine_options);
  std::printf("exactly_once: seed %llu\n",
              static_cast<unsigned long long>(options.seed));

  Driver driver(options, engine.Port(0), engine.SlotCount(0), **proxy);
  const absl::Status ran = driver.Run();
  const Violations& violations = driver.record().violations();
  Report(driver, (*proxy)->counters());
  std::printf("%s", violations.ToString().c_str());
  if (!ran.ok()) std::printf("ended early: %s\n", ran.ToString().c_str());
  if (!driver.ReachedAll()) std::printf("not all numbers were reached\n");
  const bool good = ran.ok() && driver.ReachedAll() && violations.empty();
  std::printf(
      "%s: %llu keyed writes, %llu kills, %llu resets, %llu lost, %llu "
      "doubled, %llu violations\n",
      good ? "ok" : "FAILED",
      static_cast<unsigned long long>(driver.call_totals().writes),
      static_cast<unsigned long long>(driver.totals().kills),
      static_cast<unsigned long long>((*proxy)->counters().resets),
      static_cast<unsigned long long>(Lost(violations)),
      static_cast<unsigned long long>(Doubled(violations)),
      static_cast<unsigned long long>(violations.count()));
  return good ? 0 : 1;
}

}  // namespace
}  // namespace latchkey::stress

int main(int argc, char** argv) { return latchkey::stress::Main(argc, argv); }
