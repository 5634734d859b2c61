#include "server/config/command_line.h"

#include <sched.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "server/config/check_together.h"
#include "server/config/listen_address.h"
#include "server/config/option_checks.h"
#include "server/config/usable_memory.h"

namespace latchkey {
namespace {

constexpr char kProgram[] = "latchkeyd";

// More threads than any machine has use for here.
constexpr int kThreadsMax = 256;

// More than that wait for longer than any client does.
constexpr int kBulkQueueMax = 100'000;

// What a process may have of file descriptors on a large machine.
constexpr int kConnectionsMax = 1'000'000;

// A day is as good as for ever.
constexpr int kConnectionSecondsMax = 24 * 3600;

// What any connection, and any machine, has memory for.
constexpr int kCallsPerConnectionMax = 100'000;
constexpr int kCallsMax = 10'000'000;

// No client waits for longer than an hour.
constexpr int kCallSecondsMax = 3600;

// A test that wants more wants another kind of test.
constexpr int kTestServiceTimeUsMax = 1'000'000;

// A drain of more than an hour is more likely a wrong unit.
constexpr int kDrainSecondsMax = 3600;

// The API's own limits (cache.proto); options may only lower them.
constexpr int kKeyBytesMax = 1024;
constexpr int kValueBytesMax = 1024 * 1024;

// Retries live in seconds; a day is more than any of them waits.
constexpr int kIdempotencyWindowSecondsMax = 24 * 3600;

// Less has no room for the outcome of one full batch; more is no machine's.
constexpr int64_t kIdempotencyBytesMin = 64 * 1024;
constexpr int64_t kIdempotencyBytesMax = int64_t{1} << 44;

// Less has no room for one large value; more is no machine's.
constexpr int64_t kSnapshotBytesMin = 2 * 1024 * 1024;
constexpr int64_t kSnapshotBytesMax = int64_t{1} << 44;

// Less has no room for one message of values and the shards' tables; more is no
// machine's.
constexpr int64_t kMemoryBytesMin = 8 * 1024 * 1024;
constexpr int64_t kMemoryBytesMax = int64_t{1} << 44;

// The rest is for connections, requests and what the allocator loses.
constexpr int64_t kMemoryPercent = 75;

constexpr char kFooter[] =
    "Each option but --help, --version and --print-config can also be given "
    "by\n"
    "its environment variable, or by its name without the dashes in the TOML\n"
    "file of --config, as `drain-seconds = 5`.  The command line goes before\n"
    "the environment, and the environment before the file.\n";

// Where the operations port listens where no one says otherwise, and how one
// says that there is to be none.
constexpr char kHttpListen[] = "127.0.0.1:7412";
constexpr char kOff[] = "off";

std::string CheckHttpListen(const std::string& text) {
  return text.empty() || text == kOff ? "" : CheckListen(text);
}

// How CLI11 begins its complaint about an option of a file that it does not
// know.
constexpr char kUnknownInFile[] = "INI was not able to parse ";

enum class Source { kCommandLine, kEnvironment, kFile };

// The options of the command line with what they set.
class Parser {
 public:
  explicit Parser(const Environment& environment);

  CommandLine Parse(const std::vector<std::string>& arguments);

 private:
  void AddServingOptions();
  void AddTlsOptions();
  void AddMemoryOptions();
  void AddAdmissionOptions();
  void AddLogOptions();
  void AddActions();

  // The variable that sets `option`, as LATCHKEY_DRAIN_SECONDS.
  static std::string EnvironmentName(const CLI::Option& option);

  // `arguments` with what only the environment gives.
  std::vector<std::string> WithEnvironment(
      const std::vector<std::string>& arguments);

  // Puts in --http-listen what its words and its absence stand for.
  void SettleHttpListen();

  CommandLine Refuse(std::string problem) const;
  std::string PrintConfig() const;

  const Environment& environment_;
  ServerOptions options_;
  CLI::App app_{
      "Serves Latchkey: a sharded in-memory key-value store over gRPC.",
      kProgram};
  bool print_config_ = false;
  // Where the value of each option comes from, if not from its default.
  std::vector<std::pair<const CLI::Option*, Source>> sources_;
};

Parser::Parser(const Environment& environment) : environment_(environment) {
  options_.http_listen = kHttpListen;
  options_.threads = std::clamp(UsableCores(), 1, kThreadsMax);
  options_.memory_max_bytes = std::clamp(UsableMemory() / 100 * kMemoryPercent,
                                         kMemoryBytesMin, kMemoryBytesMax);
  options_.bulk_threads = std::max(1, options_.threads / 2);
  app_.option_defaults()->always_capture_default();
  app_.allow_config_extras(CLI::config_extras_mode::error);
  app_.get_formatter()->column_width(32);
  app_.footer(kFooter);
  AddServingOptions();
  AddTlsOptions();
  AddMemoryOptions();
  AddLogOptions();
  AddActions();
  for (CLI::Option* option : app_.get_options()) {
    if (option == app_.get_help_ptr() || !option->get_configurable()) continue;
    option->envname(EnvironmentName(*option));
  }
  app_.get_config_ptr()->envname("LATCHKEY_CONFIG");
}

void Parser::AddMemoryOptions() {
  app_.add_option("--memory-max-bytes", options_.memory_max_bytes,
                  "What all data may take in memory, in bytes: keys, values, "
                  "their overhead, the outcomes of keyed writes and what "
                  "snapshot scans hold. Default: 75 % of the memory that this "
                  "process may use, of the machine or of its container")
      ->check(CLI::Range(kMemoryBytesMin, kMemoryBytesMax));
  app_.add_option(
          "--eviction", options_.eviction,
          "Which entries leave where that is reached: tinylfu, those "
          "that were used least often, as far as is remembered; s3fifo, "
          "those that were used least of late; lru, those not used for "
          "longest; or none, and writes are refused")
      ->check(CLI::IsMember({"tinylfu", "s3fifo", "lru", "none"}))
      ->type_name("NAME");
}

void Parser::AddTlsOptions() {
  const auto add = [this](const char* name, std::string& file,
                          const char* help) {
    app_.add_option(name, file, help)->check(CheckFileName)->type_name("FILE");
  };
  add("--tls-certificate", options_.tls.certificate_file,
      "Serve calls over TLS: the certificate in PEM, and behind it those that "
      "lead to its root. Needs --tls-key");
  add("--tls-key", options_.tls.key_file,
      "The key of --tls-certificate in PEM, without a pass phrase");
  add("--tls-client-ca", options_.tls.client_ca_file,
      "Serve only clients that have a certificate from one of those in this "
      "file, in PEM. Needs --tls-certificate");
  add("--tokens-file", options_.tokens_file,
      "Serve only calls with a bearer token of this file, whose lines are a "
      "principal and a token's SHA-256. Read again on SIGHUP");
  add("--rules-file", options_.rules_file,
      "Allow only what the lines of this file do: a principal, the prefix of "
      "keys, text: or hex:, and of read, write, scan, admin. Read again on "
      "SIGHUP. Needs --tokens-file or --tls-client-ca");
  add("--limits-file", options_.limits_file,
      "Refuse what is more than the lines of this file allow: a principal, or "
      "* for all others, and operations-per-second=N, live-calls=N, "
      "connections=N, ledger-records=N, bytes=N. Read again on SIGHUP. Needs "
      "--tokens-file or --tls-client-ca");
  app_.add_flag("--allow-insecure", options_.allow_insecure,
                "Serve without TLS on other than loopback addresses. "
                "--http-listen never has TLS. Default: false");
}

void Parser::AddServingOptions() {
  app_.add_option("--listen", options_.listen,
                  "Where to listen, HOST:PORT, an IPv6 address in brackets. "
                  "Port 0: the system chooses one. The address is the first "
                  "line of stdout")
      ->check(CheckListen)
      ->type_name("HOST:PORT");
  app_.add_option("--http-listen", options_.http_listen,
                  "Where to answer /metrics, /livez and /readyz over HTTP, as "
                  "--listen; off: nowhere. Where not given and --listen has "
                  "port 0: 127.0.0.1, port 0. The address is the second line "
                  "of stdout, as http HOST:PORT")
      ->check(CheckHttpListen)
      ->type_name("HOST:PORT");
  app_.add_option("--transport", options_.transport,
                  "What carries the calls: native, HTTP/2 of our own, and "
                  "gRPC-Web over HTTP/2 and HTTP/1.1; or grpc, the gRPC "
                  "library, which takes several times its CPU, has fewer "
                  "limits and no gRPC-Web")
      ->check(CheckTransport)
      ->type_name("NAME");
  app_.add_option("--cors-origin", options_.cors_origins,
                  "Whose web pages may call by gRPC-Web: an origin, as "
                  "https://example.org, or *, any. Can be given several times, "
                  "or with commas. Default: none, so that no page in a browser "
                  "may. Not with --transport=grpc")
      ->check(CheckOrigin)
      ->delimiter(',')
      ->allow_extra_args(false)
      ->take_all()
      ->type_name("ORIGIN");
  app_.add_option("--threads", options_.threads,
                  "Threads that answer requests. Default: the cores that this "
                  "process may use")
      ->check(CLI::Range(1, kThreadsMax));
  app_.add_option(
          "--bulk-threads", options_.bulk_threads,
          "Threads for scans and for batches of more than 128 reads, "
          "64 writes or 64 KiB. Default: half as many as the cores that this "
          "process may use")
      ->check(CLI::Range(1, kThreadsMax));
  app_.add_option("--bulk-queue-max", options_.bulk_queue_max,
                  "Requests that may wait for those threads; one more is "
                  "refused with OVERLOADED")
      ->check(CLI::Range(1, kBulkQueueMax));
  app_.add_option("--connections-max", options_.connections_max,
                  "Connections at a time; one more is closed as it comes. Only "
                  "the native transport has this limit")
      ->check(CLI::Range(1, kConnectionsMax));
  app_.add_option("--connections-per-address-max",
                  options_.connections_per_address_max,
                  "Of these, how many one address may have (of IPv6, its first "
                  "64 bits). 0: half of them, and any number of this machine's "
                  "own")
      ->check(CLI::Range(0, kConnectionsMax));
  app_.add_option("--connection-idle-seconds", options_.connection_idle_seconds,
                  "How long a connection may have no call before it is told to "
                  "end, in seconds. 0: for ever. Native transport only, as the "
                  "next")
      ->check(CLI::Range(0, kConnectionSecondsMax));
  app_.add_option("--connection-age-seconds", options_.connection_age_seconds,
                  "How old a connection may become before it is told to end, a "
                  "tenth more or less, in seconds; its calls may finish within "
                  "--call-seconds-max. 0: as old as it likes")
      ->check(CLI::Range(0, kConnectionSecondsMax));
  app_.add_option("--drain-seconds", options_.drain_seconds,
                  "How long calls may finish after SIGTERM before they are "
                  "cancelled, in seconds")
      ->check(CLI::Range(0, kDrainSecondsMax));
  AddAdmissionOptions();
  app_.add_option("--key-bytes-max", options_.key_bytes_max,
                  "The longest key, in bytes")
      ->check(CLI::Range(1, kKeyBytesMax));
  app_.add_option("--value-bytes-max", options_.value_bytes_max,
                  "The longest value, in bytes")
      ->check(CLI::Range(1, kValueBytesMax));
  app_.add_option("--idempotency-window-seconds",
                  options_.idempotency_window_seconds,
                  "How long the outcome of a write with an idempotency key is "
                  "kept for its copies, in seconds")
      ->check(CLI::Range(1, kIdempotencyWindowSecondsMax));
  app_.add_option("--idempotency-bytes-max", options_.idempotency_bytes_max,
                  "What those outcomes may take in memory, in bytes; a write "
                  "that finds no room is refused")
      ->check(CLI::Range(kIdempotencyBytesMin, kIdempotencyBytesMax));
  app_.add_option("--snapshot-bytes-max", options_.snapshot_bytes_max,
                  "What one snapshot scan may hold in memory of entries that "
                  "were changed before it came to them, in bytes; over that it "
                  "ends")
      ->check(CLI::Range(kSnapshotBytesMin, kSnapshotBytesMax));
}

void Parser::AddAdmissionOptions() {
  app_.add_option("--calls-per-connection-max",
                  options_.calls_per_connection_max,
                  "Calls in flight on one connection, until their handlers "
                  "end; more are refused with OVERLOADED")
      ->check(CLI::Range(1, kCallsPerConnectionMax));
  app_.add_option("--calls-max", options_.calls_max,
                  "Calls in flight in all; more are refused likewise. Health "
                  "and reflection have slots of their own")
      ->check(CLI::Range(1, kCallsMax));
  app_.add_option("--call-seconds-max", options_.call_seconds_max,
                  "The deadline of a call whose client gave none, in seconds; "
                  "streams have none then")
      ->check(CLI::Range(1, kCallSecondsMax));
  app_.add_option("--test-service-time-us", options_.test_service_time_us,
                  "For tests only: CPU that every operation burns beside its "
                  "own, in microseconds, so that one client can overload the "
                  "server")
      ->check(CLI::Range(0, kTestServiceTimeUsMax));
}

void Parser::AddLogOptions() {
  app_.add_option("--log-level", options_.log_level,
                  "The least that is logged to stderr")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "off"}))
      ->type_name("LEVEL");
  app_.add_option("--log-format", options_.log_format,
                  "How log lines are written: text (key=value) or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("FORMAT");
}

void Parser::AddActions() {
  app_.set_config("--config", "",
                  "A TOML file with options; one that it does not know is an "
                  "error")
      ->check(CLI::ExistingFile)
      ->type_name("FILE")
      ->configurable(false);
  app_.add_flag("--print-config", print_config_,
                "Print what is in effect, as a file for --config, and exit")
      ->configurable(false);
  app_.set_version_flag("--version",
                        absl::StrCat(kProgram, " ", LATCHKEY_VERSION))
      ->configurable(false);
}

std::string Parser::EnvironmentName(const CLI::Option& option) {
  return absl::StrCat("LATCHKEY_",
                      absl::AsciiStrToUpper(absl::StrReplaceAll(
                          option.get_lnames().front(), {{"-", "_"}})));
}

std::vector<std::string> Parser::WithEnvironment(
    const std::vector<std::string>& arguments) {
  // CLI11 has environment variables of its own, but a file goes before them.
  std::vector<std::string> all;
  for (const CLI::Option* option : app_.get_options()) {
    if (option->get_envname().empty()) continue;
    const std::string flag = "--" + option->get_lnames().front();
    const bool given = std::any_of(
        arguments.begin(), arguments.end(), [&](const std::string& argument) {
          return argument == flag || argument.starts_with(flag + "=");
        });
    const char* value = environment_(option->get_envname().c_str());
    if (given) {
      sources_.emplace_back(option, Source::kCommandLine);
    } else if (value != nullptr && *value != '\0') {
      all.push_back(absl::StrCat(flag, "=", value));
      sources_.emplace_back(option, Source::kEnvironment);
    } else {
      sources_.emplace_back(option, Source::kFile);
    }
  }
  for (const std::string& argument : arguments) {
    // To CLI11 `--name=` has no value, and it takes the next argument for it.
    if (argument.starts_with("--") &&
        argument.find('=') + 1 == argument.size()) {
      all.push_back(argument.substr(0, argument.size() - 1));
      all.emplace_back();
    } else {
      all.push_back(argument);
    }
  }
  return all;
}

CommandLine Parser::Refuse(std::string problem) const {
  const auto* config = app_.get_config_ptr();
  const std::string file = config->empty() ? "" : config->results().front();
  if (problem.starts_with(kUnknownInFile)) {
    problem = absl::StrCat("--config: unknown option in ", file, ": ",
                           problem.substr(sizeof(kUnknownInFile) - 1));
  }
  for (const auto& [option, source] : sources_) {
    const std::string name = "--" + option->get_lnames().front();
    // The two ways in which CLI11 complains about a value.
    if (!problem.starts_with(name + ":") &&
        problem.find(": " + name + " = ") == std::string::npos) {
      continue;
    }
    if (source == Source::kEnvironment) {
      absl::StrAppend(&problem, " (from ", option->get_envname(), ")");
    } else if (source == Source::kFile && !file.empty()) {
      absl::StrAppend(&problem, " (from ", file, ")");
    }
  }
  // Some of CLI11's messages go on for lines.
  std::replace(problem.begin(), problem.end(), '\n', ' ');
  return {CommandLine::Action::kRefuse,
          {},
          absl::StrCat(kProgram, ": ", problem, "\n")};
}

std::string Parser::PrintConfig() const {
  const auto flag = [](bool value) { return value ? "true" : "false"; };
  const auto quoted = [](const std::string& text) {
    return absl::StrCat("\"", text, "\"\n");
  };
  // No value that was accepted has a character that TOML would want escaped.
  return absl::StrCat(
      "listen = ", quoted(options_.listen), "http-listen = ",
      quoted(options_.http_listen.empty() ? kOff : options_.http_listen),
      "tls-certificate = ", quoted(options_.tls.certificate_file),
      "tls-key = ", quoted(options_.tls.key_file),
      "tls-client-ca = ", quoted(options_.tls.client_ca_file),
      "tokens-file = ", quoted(options_.tokens_file),
      "rules-file = ", quoted(options_.rules_file),
      "limits-file = ", quoted(options_.limits_file),
      "allow-insecure = ", flag(options_.allow_insecure), "\n",
      "transport = ", quoted(options_.transport),
      "cors-origin = ", quoted(absl::StrJoin(options_.cors_origins, ",")),
      "threads = ", options_.threads, "\n",
      "bulk-threads = ", options_.bulk_threads, "\n",
      "bulk-queue-max = ", options_.bulk_queue_max, "\n",
      "connections-max = ", options_.connections_max, "\n",
      "connections-per-address-max = ", options_.connections_per_address_max,
      "\n", "connection-idle-seconds = ", options_.connection_idle_seconds,
      "\n", "connection-age-seconds = ", options_.connection_age_seconds, "\n",
      "calls-per-connection-max = ", options_.calls_per_connection_max, "\n",
      "calls-max = ", options_.calls_max, "\n",
      "call-seconds-max = ", options_.call_seconds_max, "\n",
      "test-service-time-us = ", options_.test_service_time_us, "\n",
      "drain-seconds = ", options_.drain_seconds, "\n",
      "key-bytes-max = ", options_.key_bytes_max, "\n",
      "value-bytes-max = ", options_.value_bytes_max, "\n",
      "idempotency-window-seconds = ", options_.idempotency_window_seconds,
      "\n", "memory-max-bytes = ", options_.memory_max_bytes, "\n",
      "eviction = ", quoted(options_.eviction),
      "idempotency-bytes-max = ", options_.idempotency_bytes_max, "\n",
      "snapshot-bytes-max = ", options_.snapshot_bytes_max, "\n",
      "log-level = ", quoted(options_.log_level),
      "log-format = ", quoted(options_.log_format));
}

void Parser::SettleHttpListen() {
  std::string& address = options_.http_listen;
  if (address == kOff) {
    address.clear();
  } else if (app_.get_option("--http-listen")->count() == 0 &&
             ParseListenAddress(options_.listen)->port == 0) {
    // Who wants any port for calls runs more than one server on this machine.
    address = "127.0.0.1:0";
  }
}

CommandLine Parser::Parse(const std::vector<std::string>& arguments) {
  std::vector<std::string> all = WithEnvironment(arguments);
  // CLI11 takes them from the back.
  std::reverse(all.begin(), all.end());
  try {
    app_.parse(std::move(all));
  } catch (const CLI::CallForHelp&) {
    return {CommandLine::Action::kPrint, {}, app_.help()};
  } catch (const CLI::CallForVersion& version) {
    return {
        CommandLine::Action::kPrint, {}, absl::StrCat(version.what(), "\n")};
  } catch (const CLI::ParseError& error) {
    return Refuse(error.what());
  }
  SettleHttpListen();
  std::erase(options_.cors_origins, "");
  if (std::string problem = CheckTogether(options_); !problem.empty()) {
    return Refuse(std::move(problem));
  }
  if (print_config_) return {CommandLine::Action::kPrint, {}, PrintConfig()};
  return {CommandLine::Action::kServe, options_, ""};
}

}  // namespace

CommandLine ParseCommandLine(const std::vector<std::string>& arguments,
                             const Environment& environment) {
  return Parser(environment).Parse(arguments);
}

int UsableCores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  // Fails only where the machine has more cores than the set has room for.
  if (sched_getaffinity(0, sizeof(cores), &cores) != 0) return 1;
  return std::max(1, CPU_COUNT(&cores));
}

}  // namespace latchkey
