#include "tests/stress/options.h"

#include <CLI/CLI.hpp>

namespace latchkey::stress {
namespace {

constexpr char kAbout[] =
    "Proves under fire that each write takes effect exactly once: runs a "
    "latchkeyd\n"
    "behind a link that resets connections, loses replies and sends requests "
    "twice,\n"
    "stops and kills it, and checks all that its clients saw.\n";

constexpr char kFooter[] =
    "Exit code: 0 when nothing was lost, doubled or otherwise wrong and the "
    "kills,\n"
    "resets and writes asked for were reached; 1 when not so; 2 for wrong "
    "use.\n"
    "The last line of stdout sums up.\n";

}  // namespace

CommandLine ParseCommandLine(int argc, const char* const* argv) {
  Options options;
  CLI::App app(kAbout, "exactly_once");
  app.footer(kFooter);
  app.option_defaults()->always_capture_default();
  app.add_option("--latchkeyd", options.latchkeyd, "The server's program")
      ->required()
      ->check(CLI::ExistingFile);
  app.add_option("--seed", options.seed, "Of all that is drawn at random");
  app.add_option("--kills", options.kills,
                 "How often the server is killed (SIGKILL) and started anew");
  app.add_option("--resets", options.resets,
                 "How many connections must be reset, at least");
  app.add_option("--writes", options.writes,
                 "How many writes with an idempotency key must be "
                 "acknowledged, at least");
  app.add_option("--seconds-max", options.seconds_max,
                 "When to give up; what was reached by then is checked");
  app.add_option("--connections", options.connections, "Of the client")
      ->check(CLI::Range(size_t{1}, size_t{256}));
  app.add_option("--in-flight", options.in_flight,
                 "Calls at a time on each connection")
      ->check(CLI::Range(size_t{1}, size_t{256}));
  app.add_option("--hedge-ms", options.hedge_ms,
                 "After how long without an answer a second copy is sent; 0: "
                 "never");
  app.add_option("--rounds", options.rounds_per_life,
                 "Into how many rounds, each settled and checked in full, a "
                 "life is divided; the kill comes in the last one")
      ->check(CLI::PositiveNumber);
  app.add_option("--fault-bytes", options.fault_bytes,
                 "A fault strikes a connection at a random place of so many "
                 "bytes from the client, again and again")
      ->check(CLI::PositiveNumber);
  app.add_option("--mirror-percent", options.mirror_percent,
                 "Of the connections, those on which each request is sent "
                 "twice")
      ->check(CLI::Range(0, 100));
  app.add_option("--stops", options.stops,
                 "How often the server is stopped for a while (SIGSTOP), "
                 "about");
  app.add_option("--history", options.history_folder,
                 "A folder for the histories of all lives, a file each, for "
                 "porcupine-check")
      ->check(CLI::ExistingDirectory);
  // CLI11 speaks in exceptions; they end here.
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return {.exit_code = code == 0 ? 0 : 2};
  }
  return {.options = options};
}

}  // namespace latchkey::stress
