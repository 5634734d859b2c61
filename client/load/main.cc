// latchkey-load: loads a Latchkey server and checks what it reads.  --help
// tells the rest.

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "client/lib/random.h"
#include "client/lib/tls.h"
#include "client/lib/token.h"
#include "client/load/client_engine.h"
#include "client/load/connections.h"
#include "client/load/grpc_engine.h"
#include "client/load/native_engine.h"
#include "client/load/options.h"
#include "client/load/process_cpu.h"
#include "client/load/report.h"
#include "client/load/runner.h"
#include "client/load/tls_session.h"

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

absl::StatusOr<Target> MakeTarget(const Options& options) {
  Target target = {.address = options.address,
                   .server_name = options.tls_server_name};
  if (options.use_tls) {
    auto credentials = client::MakeTlsCredentials(options.tls);
    if (!credentials.ok()) return credentials.status();
    target.credentials = *std::move(credentials);
    auto context = MakeTlsContext(options.tls);
    if (!context.ok()) return context.status();
    target.tls = *std::move(context);
  }
  if (!options.token_file.empty()) {
    auto token = client::ReadTokenFile(options.token_file);
    if (!token.ok()) return token.status();
    target.token = *std::move(token);
  }
  return target;
}

std::unique_ptr<Engine> MakeEngine(const Options& options,
                                   const Target& target) {
  if (options.engine == "client") {
    return std::make_unique<ClientEngine>(
        ClientEngineOptions{.target = target,
                            .connections = options.connections,
                            .threads = options.threads,
                            .in_flight = options.in_flight,
                            .timeout = options.timeout,
                            .hedge_delay = options.hedge_delay});
  }
  const EngineOptions engine = {.target = target,
                                .connections = options.connections,
                                .threads = options.threads,
                                .in_flight = options.in_flight,
                                .timeout = options.timeout,
                                .retries = options.retries};
  if (options.engine == "native") return std::make_unique<NativeEngine>(engine);
  return std::make_unique<GrpcEngine>(engine);
}

// No other run, on this machine or another, has the same.
std::string UniqueRunId() {
  const uint64_t id = client::SystemRandom().Next();
  char text[17];
  std::snprintf(text, sizeof(text), "%016" PRIx64, id);
  return text;
}

int Main(const std::vector<std::string>& arguments) {
  const CommandLine command_line = ParseCommandLine(arguments);
  if (!command_line.options) {
    (command_line.exit_code == kExitOk ? std::cout : std::cerr)
        << command_line.text;
    return command_line.exit_code;
  }
  Options options = *command_line.options;
  options.run_id = UniqueRunId();
  if (options.server_pid != 0 && !CpuTimeOf(options.server_pid)) {
    return Fail(kExitUsage, "--server-pid: there is no process " +
                                std::to_string(options.server_pid));
  }
  const absl::StatusOr<Target> target = MakeTarget(options);
  if (!target.ok()) {
    return Fail(kExitUsage, std::string(target.status().message()));
  }
  // Opened first: what was found out must not be lost at the end of a run.
  std::ofstream json_file;
  if (!options.json_path.empty() && options.json_path != "-") {
    json_file.open(options.json_path);
    if (!json_file) {
      return Fail(kExitUsage, "--json: cannot write " + options.json_path);
    }
  }

  std::ofstream history_file;
  if (!options.history_path.empty()) {
    history_file.open(options.history_path);
    if (!history_file) {
      return Fail(kExitUsage,
                  "--history: cannot write " + options.history_path);
    }
  }

  StopOnSignals();
  const std::unique_ptr<Engine> engine = MakeEngine(options, *target);
  const bool terminal = isatty(STDERR_FILENO) == 1;
  const RunResult result =
      RunLoad(options, *engine,
              {.out = terminal || options.progress ? &std::cerr : nullptr,
               .in_place = terminal},
              stop, history_file.is_open() ? &history_file : nullptr);

  std::cout << (options.json_path == "-" ? FormatJson(result)
                                         : FormatTable(result))
            << std::flush;
  const std::string ending = EndingMessage(result);
  if (!ending.empty()) Fail(0, ending);
  if (history_file.is_open() && !history_file.flush()) {
    return Fail(kExitFailed, "cannot write " + options.history_path);
  }
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
