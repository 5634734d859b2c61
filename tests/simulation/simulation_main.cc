// simulation runs seeds of tests/simulation/simulation.h, one after the other,
// and says of each that shows a fault how to run it again.

#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "tests/simulation/mutant_cases.h"
#include "tests/simulation/simulation.h"

namespace latchkey::simulation {
namespace {

struct Options {
  uint64_t first = 1;
  uint64_t seeds = 1;
  int64_t seconds = 60;
  bool verbose = false;
  std::string mutant;
};

// The command that runs the present seed again, for a run that ends the
// process.
char command[200];

void OnAbort(int) {
  if (write(STDERR_FILENO, command, sizeof(command)) < 0) _exit(1);
}

unsigned long long Number(uint64_t number) { return number; }

#ifdef LATCHKEY_MUTANTS

std::vector<std::string> MutantNames() {
  std::vector<std::string> names;
  for (const MutantCase& mutant : MutantCases()) {
    names.emplace_back(mutant.name);
  }
  return names;
}

SimulationResult SimulateWith(const std::string& name,
                              SimulationOptions options) {
  for (const MutantCase& mutant : MutantCases()) {
    if (mutant.name != name) continue;
    const ScopedMutant active(mutant.mutant);
    options.small_ledger = mutant.small_ledger;
    return Simulate(options);
  }
  return Simulate(options);
}

#else

SimulationResult SimulateWith(const std::string&,
                              const SimulationOptions& options) {
  return Simulate(options);
}

#endif  // LATCHKEY_MUTANTS

// Whether the seed shows nothing.
bool RunSeed(const Options& options, uint64_t seed, SimulationResult* sum) {
  std::snprintf(command, sizeof(command),
                "seed %llu: simulation --seed %llu --seconds %lld\n",
                Number(seed), Number(seed),
                static_cast<long long>(options.seconds));
  if (!options.mutant.empty()) {
    std::snprintf(command, sizeof(command),
                  "seed %llu: simulation --seed %llu --seconds %lld "
                  "--mutant %s\n",
                  Number(seed), Number(seed),
                  static_cast<long long>(options.seconds),
                  options.mutant.c_str());
  }
  const SimulationResult result =
      SimulateWith(options.mutant, {.seed = seed, .seconds = options.seconds});
  sum->Add(result);
  if (options.verbose) {
    std::printf("seed %llu: %llu operations, %llu steps, trace %016llx\n",
                Number(seed), Number(result.checked.operations),
                Number(result.steps), Number(result.trace));
  }
  if (result.violations.empty()) return true;
  std::fprintf(stderr, "%s%s", result.violations.ToString().c_str(), command);
  return false;
}

void PrintSum(const Options& options, uint64_t bad,
              const SimulationResult& sum) {
  std::printf("%llu runs of %lld virtual seconds, %llu with a fault\n",
              Number(options.seeds), static_cast<long long>(options.seconds),
              Number(bad));
  std::printf(
      "%llu operations: %llu keyed writes, %llu commits, %llu replays, %llu "
      "late copies, %llu snapshots, %llu fuzzy scans\n",
      Number(sum.checked.operations), Number(sum.checked.keyed_writes),
      Number(sum.checked.commits), Number(sum.checked.replayed),
      Number(sum.late_copies), Number(sum.scans.snapshots),
      Number(sum.scans.fuzzy));
  std::printf("in lanes %llu run, %llu refused, %llu shed, %llu ended\n",
              Number(sum.lanes.run), Number(sum.lanes.refused),
              Number(sum.lanes.shed), Number(sum.lanes.ended));
  std::printf(
      "%llu lives, %llu steps, %llu switches, %llu stalls, %llu waits for "
      "locks; trace %016llx\n",
      Number(sum.lives), Number(sum.steps), Number(sum.switches),
      Number(sum.stalls), Number(sum.lock_waits), Number(sum.trace));
}

int Main(int argc, char** argv) {
  Options options;
  uint64_t only = 0;
  CLI::App app("Runs the server in virtual time under seeded schedules");
  app.add_option("--seeds", options.seeds, "How many, from 1")
      ->capture_default_str();
  app.add_option("--seconds", options.seconds, "Virtual ones, of each run")
      ->capture_default_str();
  auto* const seed = app.add_option("--seed", only, "Only this one");
#ifdef LATCHKEY_MUTANTS
  app.add_option("--mutant", options.mutant,
                 "With this fault (mutant_cases.cc)")
      ->check(CLI::IsMember(MutantNames()));
#endif
  app.add_flag("--verbose", options.verbose, "A line for each seed");
  CLI11_PARSE(app, argc, argv);
  if (seed->count() > 0) {
    options.first = only;
    options.seeds = 1;
  }
  signal(SIGABRT, OnAbort);
  SimulationResult sum;
  uint64_t bad = 0;
  for (uint64_t i = 0; i < options.seeds; ++i) {
    if (!RunSeed(options, options.first + i, &sum)) ++bad;
  }
  PrintSum(options, bad, sum);
  return bad == 0 ? 0 : 1;
}

}  // namespace
}  // namespace latchkey::simulation

int main(int argc, char** argv) {
  return latchkey::simulation::Main(argc, argv);
}
