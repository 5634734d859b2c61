// Options are what a run of latchkey-load is asked to do.
//
// Thread safety: plain values; ParseCommandLine() has no shared state.

#ifndef LATCHKEY_CLIENT_LOAD_OPTIONS_H_
#define LATCHKEY_CLIENT_LOAD_OPTIONS_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "client/lib/tls.h"
#include "client/load/engine.h"
#include "client/load/key_chooser.h"
#include "client/load/key_value_workload.h"
#include "client/load/mix.h"

namespace latchkey::load {

// The exit codes of latchkey-load.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitUnavailable = 3;

// A recorded operation takes about half a kilobyte, with what the checkers make
// of it: some 100 MB for a round.
inline constexpr uint64_t kRoundOperations = 200'000;

// The members stand in the order of --help, which says what each means.
struct Options {
  std::string address = "127.0.0.1:7411";
  // With any of the other options of TLS, too.
  bool use_tls = false;
  client::TlsOptions tls;
  std::string tls_server_name;
  std::string token_file;
  // "grpc", "native" or "client".
  std::string engine = "grpc";
  size_t connections = 4;
  size_t in_flight = 16;
  size_t threads = 1;
  Nanos timeout = 5 * kNanosPerSecond;
  // The engine "client" only.
  std::optional<Nanos> hedge_delay;
  // Not the engine "client".
  int retries = 0;
  double cancel_ratio = 0;
  Nanos cancel_after = kNanosPerMilli;

  // Requests per second; 0: a closed loop.
  double rate = 0;
  uint64_t backlog_max = 10'000;

  Mix mix;
  uint64_t keys = 100'000;
  size_t key_bytes = 16;
  std::string key_prefix = "k";
  Distribution distribution = Distribution::kZipfian;
  double zipf_theta = 0.99;
  SizeRange value_bytes = {64, 64};
  // 0: entries do not expire.
  Nanos ttl = 0;
  uint64_t accounts = 100;
  int64_t initial_balance = 10'000;
  uint64_t seed = 1;

  Nanos warm_up = 2 * kNanosPerSecond;
  Nanos duration = 10 * kNanosPerSecond;
  // 0: `duration` counts.
  uint64_t requests = 0;

  bool verify = false;
  bool verify_shared = false;
  // Empty: none.
  std::string history_path;
  // Not from the command line.  What tells this run's keys from those of
  // others, and after how many operations a run is checked.
  std::string run_id = "run";
  uint64_t round_operations = kRoundOperations;

  // 0: no server process to measure.
  pid_t server_pid = 0;
  // Empty: none.  "-": standard output, in the place of the table.
  std::string json_path;
  bool progress = false;
  // Nothing: any number.
  std::optional<uint64_t> errors_max = 0;

  bool open_loop() const { return rate > 0; }
  bool transfers() const { return mix.write == WriteKind::kTransfer; }
  // Of keys or, where the mix is `transfer`, accounts.
  uint64_t key_count() const { return transfers() ? accounts : keys; }
};

// What a command line comes to: options, or a text to print and an exit code.
struct CommandLine {
  std::optional<Options> options;
  // For standard output where `exit_code` is 0, else for standard error.
  std::string text;
  int exit_code = kExitOk;
};

// `arguments` are without the program's name.
CommandLine ParseCommandLine(const std::vector<std::string>& arguments);

// A length of time with its unit, as "10s", "500ms" or "1m30s"; not negative.
absl::StatusOr<Nanos> ParseDuration(std::string_view text);

// "64", or a range as "64-1024".
absl::StatusOr<SizeRange> ParseSizeRange(std::string_view text);

// The inverses, for reports.
std::string FormatDuration(Nanos duration);
std::string FormatSizeRange(const SizeRange& range);
std::string_view DistributionName(Distribution distribution);

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_OPTIONS_H_
