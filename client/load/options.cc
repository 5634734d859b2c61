#include "client/load/options.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/load/value_codec.h"

namespace latchkey::load {
namespace {

// What the API takes at most.
constexpr size_t kKeyBytesMax = 1'024;
// Leaves room for what the keys of a run have behind it.
constexpr size_t kKeyPrefixBytesMax = 900;
constexpr size_t kValueBytesMax = 1'048'576;
// The zipfian distribution sums over all keys once, which takes seconds here.
constexpr uint64_t kKeysMax = 100'000'000;
constexpr uint64_t kAccountsMax = 1'000'000;
constexpr int64_t kBalanceMax = 1'000'000'000'000;
constexpr size_t kConnectionsMax = 10'000;
constexpr size_t kInFlightMax = 10'000;
constexpr size_t kThreadsMax = 256;
constexpr int kRetriesMax = 100;
constexpr double kRateMax = 1e8;
constexpr uint64_t kBacklogMax = 100'000'000;
constexpr Nanos kTimeoutMax = 10 * 60 * kNanosPerSecond;

constexpr char kDescription[] =
    "Loads a Latchkey server, and checks everything it reads.\n\n"
    "All keys are written first. A closed loop (the default) keeps "
    "connections x in-flight requests under way. An open loop (--rate) sends "
    "by a timetable that does not wait for the server, and counts each latency "
    "from the moment the request was due, so that a server which stalls cannot "
    "hide the requests it kept from being sent (coordinated omission). It "
    "polls without sleeping while the next request is near: give it a core.\n\n"
    "Two runs against one server at a time need different --key-prefix.";

constexpr char kFooter[] =
    "Durations have a unit: 500ms, 10s, 1m30s. Latencies are of operations "
    "that went well; those that failed are counted by gRPC code and reason. "
    "In time are those that went well within --timeout.\n\n"
    "Exit codes: 0 all went well; 1 a value, an account or the total was "
    "wrong, --verify found a violation or a server that had lost its data, or "
    "there were more errors than --errors-max, or the run ended before it "
    "measured anything; 2 usage; 3 the server could not be reached, or was "
    "gone for 3 s (with --verify for 30 s).";

// What CLI11 fills in that is not yet an option.
struct RawOptions {
  std::string mix = "ycsb-b";
  std::string distribution = "zipfian";
  std::string value_bytes = "64";
  std::string ttl = "0";
  std::string timeout = "5s";
  std::string hedge;
  std::string cancel_after = "1ms";
  std::string warm_up = "2s";
  std::string duration = "10s";
  uint64_t errors_max = 0;
};

CLI::Option* AddDuration(CLI::App* app, const std::string& name,
                         std::string* value, const std::string& help) {
  return app->add_option(name, *value, help)->type_name("DURATION");
}

void AddConnectionOptions(CLI::App* app, Options* options, RawOptions* raw) {
  app->add_option("--address", options->address, "The server")
      ->type_name("HOST:PORT");
  app->add_option("--engine", options->engine,
                  "What carries the requests: grpc, the gRPC C++ library, "
                  "each request sent once, as most clients do; native, the "
                  "same by HTTP/2 of its own, for so little CPU that one core "
                  "keeps one of the server busy; client, the C++ client with "
                  "its retries, idempotency keys and hedges")
      ->check(CLI::IsMember({"grpc", "native", "client"}));
  app->add_option("--connections", options->connections, "TCP connections")
      ->check(CLI::Range(size_t{1}, kConnectionsMax));
  app->add_option("--in-flight", options->in_flight,
                  "Requests at a time on each connection")
      ->check(CLI::Range(size_t{1}, kInFlightMax));
  app->add_option("--threads", options->threads,
                  "Threads; each has its share of the connections")
      ->check(CLI::Range(size_t{1}, kThreadsMax));
  AddDuration(app, "--timeout", &raw->timeout, "How long a request may take");
  AddDuration(app, "--hedge", &raw->hedge,
              "Send a second copy of a read or keyed write that was not "
              "answered for so long; with --engine=client (default: none)");
}

void AddTlsOptions(CLI::App* app, Options* options) {
  app->add_flag("--tls", options->use_tls,
                "Speak TLS, as any other --tls-... option says too; the "
                "server's certificate must come from a root of the system");
  app->add_option("--tls-ca", options->tls.ca_file,
                  "Or from a certificate in this file, in PEM")
      ->type_name("FILE");
  app->add_option(
         "--tls-certificate", options->tls.certificate_file,
         "What to show to a server that asks for a certificate, in PEM")
      ->type_name("FILE");
  app->add_option("--tls-key", options->tls.key_file, "Its key, in PEM")
      ->type_name("FILE");
  app->add_option("--tls-server-name", options->tls_server_name,
                  "Whom the server's certificate must be for, where that is "
                  "not the host of --address")
      ->type_name("NAME");
  app->add_option("--token-file", options->token_file,
                  "The file with the bearer token to show to the server")
      ->envname("LATCHKEY_TOKEN_FILE")
      ->type_name("FILE");
}

void AddMisuseOptions(CLI::App* app, Options* options, RawOptions* raw) {
  app->add_option("--retries", options->retries,
                  "Not with --engine=client: send a request that ended as "
                  "UNAVAILABLE or DEADLINE_EXCEEDED up to so many times more, "
                  "each with the whole timeout, at once or when a refusal "
                  "asks for it, and without a budget, as clients that make an "
                  "overload worse")
      ->check(CLI::Range(0, kRetriesMax));
  app->add_option("--cancel-ratio", options->cancel_ratio,
                  "Not with --engine=client: the share of requests that are "
                  "cancelled in flight, 0 to 1")
      ->check(CLI::Range(0.0, 1.0));
  AddDuration(app, "--cancel-after", &raw->cancel_after,
              "How long after they were sent");
}

void AddPaceOptions(CLI::App* app, Options* options, RawOptions* raw) {
  app->add_option("--rate", options->rate,
                  "Open loop: requests per second, latency counted from when "
                  "each was due (default: a closed loop)")
      ->check(CLI::Range(0.001, kRateMax))
      ->default_str("");
  app->add_option("--backlog-max", options->backlog_max,
                  "Open loop: how many due requests may wait to be sent, in "
                  "all; more are given up, oldest first, and counted as `not "
                  "sent in time`")
      ->check(CLI::Range(uint64_t{1}, kBacklogMax));
  AddDuration(app, "--warm-up", &raw->warm_up,
              "How long to run before measuring");
  auto* duration =
      AddDuration(app, "--duration", &raw->duration, "How long to measure");
  app->add_option("--requests", options->requests,
                  "Measure this many operations instead of a duration")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1} << 62))
      ->default_str("")
      ->excludes(duration);
}

void AddDataOptions(CLI::App* app, Options* options, RawOptions* raw) {
  app->add_option("--mix", raw->mix,
                  "get, put, mixed:R/W (as mixed:90/10), ycsb-a (half reads, "
                  "half writes), ycsb-b (95/5), ycsb-c (reads), ycsb-f (half "
                  "reads, half read-modify-writes by version), transfer "
                  "(between accounts, with atomic reads; the total is verified "
                  "at the end)");
  app->add_option("--keys", options->keys, "How many keys")
      ->check(CLI::Range(uint64_t{1}, kKeysMax));
  app->add_option("--key-bytes", options->key_bytes, "Length of a key")
      ->check(CLI::Range(size_t{1}, kKeyBytesMax));
  app->add_option("--key-prefix", options->key_prefix,
                  "What the names of keys begin with");
  app->add_option("--distribution", raw->distribution,
                  "How keys are drawn: uniform or zipfian")
      ->check(CLI::IsMember({"uniform", "zipfian"}));
  app->add_option("--zipf-theta", options->zipf_theta,
                  "The skew, more than 0 and less than 1");
  app->add_option("--value-bytes", raw->value_bytes,
                  "Length of a value, at least 24, as 64, or a range, as "
                  "64-1024")
      ->type_name("SIZE");
  AddDuration(app, "--ttl", &raw->ttl,
              "Entries expire after this; a miss then is no failure (default: "
              "they do not)");
  app->add_option("--accounts", options->accounts,
                  "transfer: how many accounts; up to 128, each atomic read "
                  "checks the total")
      ->check(CLI::Range(uint64_t{2}, kAccountsMax));
  app->add_option("--initial-balance", options->initial_balance,
                  "transfer: what each account holds at the start")
      ->check(CLI::Range(int64_t{0}, kBalanceMax));
  app->add_option("--seed", options->seed, "Repeats a run's choices")
      ->check(CLI::NonNegativeNumber);
}

void AddVerifyOptions(CLI::App* app, Options* options) {
  CLI::Option* const verify = app->add_flag(
      "--verify", options->verify,
      "Check what the server promises instead of how fast it is: send every "
      "kind of operation at a few keys, with copies and used idempotency keys "
      "among them, record all answers, and check that each write took effect "
      "exactly once and that all together could have happened one after "
      "another. Uses --engine=client. Needs the server to itself");
  for (const char* other :
       {"--mix", "--keys", "--key-bytes", "--distribution", "--zipf-theta",
        "--ttl", "--accounts", "--initial-balance", "--warm-up"}) {
    verify->excludes(app->get_option(other));
  }
  app->add_flag("--verify-shared", options->verify_shared,
                "Others write to the same server meanwhile: do not demand that "
                "this run knows every version")
      ->needs(verify);
  app->add_option("--history", options->history_path,
                  "Write what --verify recorded to this file, key by key, as "
                  "JSON lines for other checkers")
      ->type_name("FILE")
      ->needs(verify);
}

void AddReportOptions(CLI::App* app, Options* options, RawOptions* raw) {
  app->add_option("--server-pid", options->server_pid,
                  "Also report the CPU time of this process per request")
      ->check(CLI::Range(1, std::numeric_limits<pid_t>::max()))
      ->default_str("");
  app->add_option("--json", options->json_path,
                  "Also write the report to this file; -: to standard output, "
                  "instead of the table")
      ->type_name("FILE");
  app->add_flag("--progress", options->progress,
                "Show progress each second also where standard error is no "
                "terminal");
  app->add_option("--errors-max", raw->errors_max,
                  "How many operations may fail before the exit code is 1 "
                  "(default: 0 in a closed loop; any number in an open loop, "
                  "where overload is to be expected, and with --verify)")
      ->check(CLI::NonNegativeNumber)
      ->default_str("");
}

// Reports one option's bad value in CLI11's own way.
[[noreturn]] void Refuse(const std::string& option,
                         const std::string& message) {
  throw CLI::ValidationError(option, message);
}

template <typename T>
T Take(const std::string& option, absl::StatusOr<T> parsed) {
  if (!parsed.ok()) Refuse(option, std::string(parsed.status().message()));
  return *std::move(parsed);
}

void TakeVerify(const CLI::App& app, Options* options) {
  if (!options->verify) return;
  if (app.count("--engine") > 0 && options->engine != "client") {
    Refuse("--engine", "must be client with --verify");
  }
  options->engine = "client";
  options->warm_up = 0;
}

void TakeRaw(const CLI::App& app, const RawOptions& raw, Options* options) {
  options->mix = Take("--mix", ParseMix(raw.mix));
  options->distribution = raw.distribution == "uniform"
                              ? Distribution::kUniform
                              : Distribution::kZipfian;
  options->value_bytes = Take("--value-bytes", ParseSizeRange(raw.value_bytes));
  options->ttl = Take("--ttl", ParseDuration(raw.ttl));
  options->timeout = Take("--timeout", ParseDuration(raw.timeout));
  if (!raw.hedge.empty()) {
    options->hedge_delay = Take("--hedge", ParseDuration(raw.hedge));
  }
  options->cancel_after =
      Take("--cancel-after", ParseDuration(raw.cancel_after));
  options->warm_up = Take("--warm-up", ParseDuration(raw.warm_up));
  options->duration = Take("--duration", ParseDuration(raw.duration));
  if (app.count("--errors-max") > 0) {
    options->errors_max = raw.errors_max;
  } else if (options->open_loop() || options->verify) {
    options->errors_max.reset();
  }
  const client::TlsOptions& tls = options->tls;
  options->use_tls |= !tls.ca_file.empty() || !tls.certificate_file.empty() ||
                      !tls.key_file.empty() ||
                      !options->tls_server_name.empty();
  TakeVerify(app, options);
}

// What CLI11 cannot check: bounds between options.
void CheckTogether(const Options& options) {
  if (!(options.zipf_theta > 0 && options.zipf_theta < 1)) {
    Refuse("--zipf-theta", "must be more than 0 and less than 1");
  }
  if (options.value_bytes.min < kValueBytesMin ||
      options.value_bytes.max > kValueBytesMax) {
    Refuse("--value-bytes", "must be within " + std::to_string(kValueBytesMin) +
                                " and " + std::to_string(kValueBytesMax));
  }
  if (options.key_prefix.size() > kKeyPrefixBytesMax) {
    Refuse("--key-prefix", "must have at most " +
                               std::to_string(kKeyPrefixBytesMax) + " bytes");
  }
  const size_t key_bytes_min =
      KeyNames::BytesMin(options.key_prefix, options.key_count());
  if (!options.verify && options.key_bytes < key_bytes_min) {
    Refuse("--key-bytes", "must be at least " + std::to_string(key_bytes_min) +
                              " for the prefix and this many keys");
  }
  if (options.threads > options.connections) {
    Refuse("--threads", "must not be more than --connections");
  }
  if (options.timeout < kNanosPerMilli || options.timeout > kTimeoutMax) {
    Refuse("--timeout", "must be within 1ms and 10m");
  }
  if (options.duration == 0) Refuse("--duration", "must be more than 0");
  if (options.hedge_delay && options.engine != "client") {
    Refuse("--hedge", "needs --engine=client or --verify");
  }
  if (options.retries > 0 && options.engine == "client") {
    Refuse("--retries", "not with --engine=client, which retries anyway");
  }
  if (options.cancel_ratio > 0 && options.engine == "client") {
    Refuse("--cancel-ratio", "not with --engine=client");
  }
  if (options.ttl > 0 && options.transfers()) {
    Refuse("--ttl", "accounts must not expire");
  }
  if (options.backlog_max < options.threads) {
    Refuse("--backlog-max", "must be at least --threads");
  }
}

std::string BadArgument(std::string_view what, std::string_view text) {
  return "\"" + std::string(text) + "\" is no " + std::string(what);
}

}  // namespace

absl::StatusOr<Nanos> ParseDuration(std::string_view text) {
  absl::Duration duration;
  if (!absl::ParseDuration(absl::string_view(text.data(), text.size()),
                           &duration) ||
      duration < absl::ZeroDuration() || duration > absl::Hours(24 * 365)) {
    return absl::InvalidArgumentError(
        BadArgument("duration, as 10s or 500ms", text));
  }
  return absl::ToInt64Nanoseconds(duration);
}

absl::StatusOr<SizeRange> ParseSizeRange(std::string_view text) {
  const char* const end = text.data() + text.size();
  SizeRange range;
  auto parsed = std::from_chars(text.data(), end, range.min);
  range.max = range.min;
  if (parsed.ec == std::errc() && parsed.ptr != end && *parsed.ptr == '-') {
    parsed = std::from_chars(parsed.ptr + 1, end, range.max);
  }
  if (parsed.ec != std::errc() || parsed.ptr != end || range.max < range.min) {
    return absl::InvalidArgumentError(
        BadArgument("size or range, as 64 or 64-1024", text));
  }
  return range;
}

std::string FormatDuration(Nanos duration) {
  return absl::FormatDuration(absl::Nanoseconds(duration));
}

std::string FormatSizeRange(const SizeRange& range) {
  std::string text = std::to_string(range.min);
  if (range.max != range.min) text += "-" + std::to_string(range.max);
  return text;
}

std::string_view DistributionName(Distribution distribution) {
  return distribution == Distribution::kUniform ? "uniform" : "zipfian";
}

CommandLine ParseCommandLine(const std::vector<std::string>& arguments) {
  Options options;
  RawOptions raw;
  CLI::App app(kDescription, "latchkey-load");
  app.option_defaults()->always_capture_default();
  app.set_version_flag("--version",
                       std::string("latchkey-load " LATCHKEY_VERSION));
  app.footer(kFooter);
  AddConnectionOptions(&app, &options, &raw);
  AddTlsOptions(&app, &options);
  AddMisuseOptions(&app, &options, &raw);
  AddPaceOptions(&app, &options, &raw);
  AddDataOptions(&app, &options, &raw);
  AddVerifyOptions(&app, &options);
  AddReportOptions(&app, &options, &raw);
  // CLI11 speaks in exceptions; they end here.
  try {
    // It takes its arguments from the back.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    TakeRaw(app, raw, &options);
    CheckTogether(options);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    std::ostringstream err;
    if (app.exit(error, out, err) == 0) return {std::nullopt, out.str(), 0};
    return {std::nullopt, "latchkey-load: " + err.str(), kExitUsage};
  }
  return {std::move(options), "", kExitOk};
}

}  // namespace latchkey::load
