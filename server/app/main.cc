// latchkeyd: the Latchkey server.
//
// SIGHUP makes it read the files of who may do what again, and never ends it.
//
// Exit codes: 0 after SIGTERM or SIGINT, 1 when it could not start, 2 for
// options that were not accepted.

#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "server/app/log.h"
#include "server/app/server.h"
#include "server/config/command_line.h"

namespace latchkey {
namespace {

// Each connection is a file descriptor, and the usual soft limit is 1,024.
void RaiseFileLimit() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// Blocks what the server waits for, in this thread and those it will start.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

// Lets another `signal` end the process at once.  Only the same one: a terminal
// sends SIGINT to a whole group, of which a script may then pass SIGTERM on.
void EndAtNext(int signal) {
  std::signal(signal, SIG_DFL);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, signal);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

// What is said of a file that `option` names and that was not accepted.
absl::Status Refused(const char* option, const absl::Status& status) {
  return absl::InvalidArgumentError(
      absl::StrCat(option, ": ", status.message()));
}

absl::StatusOr<Server::Files> OpenFiles(const ServerOptions& options) {
  Server::Files files;
  if (options.has_tls()) {
    auto tls = TlsKeeper::Open(options.tls);
    if (!tls.ok()) return tls.status();
    files.tls = *std::move(tls);
  }
  if (!options.tokens_file.empty()) {
    auto tokens = TokenKeeper::Open(options.tokens_file);
    if (!tokens.ok()) return Refused("--tokens-file", tokens.status());
    files.tokens = *std::move(tokens);
  }
  if (!options.rules_file.empty()) {
    auto rules = RulesKeeper::Open(options.rules_file);
    if (!rules.ok()) return Refused("--rules-file", rules.status());
    files.rules = *std::move(rules);
  }
  if (!options.limits_file.empty()) {
    auto limits =
        LimitsKeeper::Open(options.limits_file, options.transport == "native");
    if (!limits.ok()) return Refused("--limits-file", limits.status());
    files.limits = *std::move(limits);
  }
  return files;
}

int StartFailed(const char* option, const absl::Status& status) {
  Log(LogLevel::kError, "start-failed",
      {{"option", option}, {"reason", std::string(status.message())}});
  return 1;
}

// Tells stdout where the server listens: a line for calls, then one for the
// operations port, where there is one.  Both at once, so that who has the first
// has all.
void TellAddresses(const std::string& listening, const std::string& http) {
  std::printf("listening %s\n%s", listening.c_str(),
              http.empty() ? "" : ("http " + http + "\n").c_str());
  std::fflush(stdout);
}

int Serve(const ServerOptions& options) {
  const sigset_t signals = BlockSignals();
  // A reader of stdout that went away is no reason to end.
  std::signal(SIGPIPE, SIG_IGN);
  RaiseFileLimit();
  StartLog(options);

  absl::StatusOr<Server::Files> files = OpenFiles(options);
  if (!files.ok()) {
    std::fprintf(stderr, "latchkeyd: %s\n",
                 std::string(files.status().message()).c_str());
    return 2;
  }
  Server server(options, *std::move(files));
  const absl::StatusOr<ListenAddress> address = server.Start();
  if (!address.ok()) return StartFailed("--listen", address.status());
  const absl::StatusOr<std::optional<ListenAddress>> ops = server.StartOps();
  if (!ops.ok()) return StartFailed("--http-listen", ops.status());
  const std::string listening = FormatListenAddress(*address);
  const std::string http =
      ops->has_value() ? FormatListenAddress(**ops) : std::string();
  TellAddresses(listening, http);
  Log(LogLevel::kInfo, "listening",
      {{"address", listening},
       {"http", http.empty() ? "off" : http},
       {"transport", options.transport},
       {"tls", !options.has_tls()                   ? "off"
               : options.tls.client_ca_file.empty() ? "on"
                                                    : "mutual"},
       {"tokens", options.tokens_file.empty() ? "off" : "on"},
       {"rules", options.rules_file.empty() ? "off" : "on"},
       {"limits", options.limits_file.empty() ? "off" : "on"},
       {"threads", std::to_string(options.threads)}});
  if ((!IsLoopback(address->host) && !options.has_tls()) ||
      (ops->has_value() && !IsLoopback((*ops)->host))) {
    Log(LogLevel::kWarning, "insecure",
        {{"reason", "served to other machines without TLS"}});
  }

  int signal = 0;
  while (sigwait(&signals, &signal) == 0 && signal == SIGHUP) {
    server.Reload();
  }
  Log(LogLevel::kInfo, "draining",
      {{"signal", signal == SIGINT ? "SIGINT" : "SIGTERM"},
       {"live-calls", std::to_string(server.live_calls())},
       {"drain-seconds", std::to_string(options.drain_seconds)}});
  EndAtNext(signal);
  server.Drain();
  Log(LogLevel::kInfo, "stopped", {{"address", listening}});
  return 0;
}

int Main(int argc, char** argv) {
#ifdef NDEBUG
  // The packaged abseil is built to look for deadlocks on each lock, and ends
  // the process on an inversion of the gRPC library's own.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
#endif
  const CommandLine line =
      ParseCommandLine({argv + 1, argv + argc},
                       [](const char* name) { return std::getenv(name); });
  switch (line.action) {
    case CommandLine::Action::kServe:
      return Serve(line.options);
    case CommandLine::Action::kPrint:
      std::fputs(line.text.c_str(), stdout);
      return 0;
    case CommandLine::Action::kRefuse:
      break;
  }
  std::fputs(line.text.c_str(), stderr);
  return 2;
}

}  // namespace
}  // namespace latchkey

int main(int argc, char** argv) { return latchkey::Main(argc, argv); }
