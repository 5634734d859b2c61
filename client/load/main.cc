// latchkey-load: loads a Latchkey server and checks what it reads.  --help
// tells the rest.

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "client/load/grpc_engine.h"
#include "client/load/options.h"
#include "client/load/process_cpu.h"
#include "client/load/report.h"
#include "client/load/runner.h"

namespace latchkey::load {
namespace {

// One word that stands for itself: relaxed is enough.
std::atomic<bool> stop = false;
static_assert(std::atomic<bool>::is_always_lock_free,
              "a signal handler may store to it");

void OnSignal(int) { stop.store(true, std::memory_order_relaxed); }

// The first signal ends the run early, the second one the process.
void StopOnSignals() {
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int signal : {SIGINT, SIGTERM})
    sigaction(signal, &action, nullptr);
}

int Fail(int exit_code, const std::string& message) {
  std::cerr << "latchkey-load: " << message << "\n";
  return exit_code;
}

int Main(const std::vector<std::string>& arguments) {
  const CommandLine command_line = ParseCommandLine(arguments);
  if (!command_line.options) {
    (command_line.exit_code == kExitOk ? std::cout : std::cerr)
        << command_line.text;
    return command_line.exit_code;
  }
  const Options& options = *command_line.options;
  if (options.server_pid != 0 && !CpuTimeOf(options.server_pid)) {
    return Fail(kExitUsage, "--server-pid: there is no process " +
                                std::to_string(options.server_pid));
  }
  // Opened first: a report must not be lost at the end of a run.
  std::ofstream json_file;
  if (!options.json_path.empty() && options.json_path != "-") {
    json_file.open(options.json_path);
    if (!json_file) {
      return Fail(kExitUsage, "--json: cannot write " + options.json_path);
    }
  }

  StopOnSignals();
  GrpcEngine engine({.address = options.address,
                     .connections = options.connections,
                     .threads = options.threads,
                     .in_flight = options.in_flight,
                     .timeout = options.timeout});
  const bool terminal = isatty(STDERR_FILENO) == 1;
  const RunResult result =
      RunLoad(options, engine,
              {.out = terminal || options.progress ? &std::cerr : nullptr,
               .in_place = terminal},
              stop);

  std::cout << (options.json_path == "-" ? FormatJson(result)
                                         : FormatTable(result))
            << std::flush;
  const std::string ending = EndingMessage(result);
  if (!ending.empty()) Fail(0, ending);
  if (json_file.is_open()) {
    json_file << FormatJson(result) << std::flush;
    if (!json_file) {
      return Fail(kExitFailed, "cannot write " + options.json_path);
    }
  }
  return result.ExitCode();
}

}  // namespace
}  // namespace latchkey::load

int main(int argc, char** argv) {
  return latchkey::load::Main(std::vector<std::string>(argv + 1, argv + argc));
}
