// Options are what a run of exactly_once is asked to do.
//
// Thread safety: plain values; ParseCommandLine() has no shared state.

#ifndef LATCHKEY_TESTS_STRESS_OPTIONS_H_
#define LATCHKEY_TESTS_STRESS_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace latchkey::stress {

// The members stand in the order of --help, which says what each means.
struct Options {
  std::string latchkeyd;
  uint64_t seed = 1;

  uint64_t kills = 20;
  uint64_t resets = 2'000;
  uint64_t writes = 50'000;
  uint64_t seconds_max = 600;

  size_t connections = 16;
  size_t in_flight = 2;
  // 0: none.
  int64_t hedge_ms = 20;
  uint64_t rounds_per_life = 3;

  uint64_t fault_bytes = 8'192;
  uint32_t mirror_percent = 25;
  uint64_t stops = 20;

  // Empty: none.
  std::string history_folder;
};

// What a command line comes to: options, or an exit code, when what there is to
// say has been printed.
struct CommandLine {
  std::optional<Options> options;
  int exit_code = 0;
};

CommandLine ParseCommandLine(int argc, const char* const* argv);

}  // namespace latchkey::stress

#endif  // LATCHKEY_TESTS_STRESS_OPTIONS_H_
