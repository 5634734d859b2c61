#include "client/cli/session.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "client/cli/message_format.h"
#include "client/cli/parse.h"
#include "client/cli/text_codec.h"
#include "client/lib/call_error.h"
#include "client/lib/channel.h"
#include "client/lib/token.h"

namespace latchkey::client {
namespace {

// Beyond a year a deadline would only risk an overflow.
constexpr absl::Duration kWaitMax = absl::Hours(24 * 365);

absl::Status Prefixed(std::string_view option, const absl::Status& status) {
  return absl::Status(
      status.code(), absl::StrCat(std::string(option), ": ", status.message()));
}

// How long `option`, which says `text`, lets the client wait.
absl::StatusOr<Duration> ParseWait(std::string_view option,
                                   const std::string& text) {
  const absl::StatusOr<absl::Duration> wait = ParseDuration(text);
  if (!wait.ok()) return Prefixed(option, wait.status());
  if (*wait <= absl::ZeroDuration() || *wait > kWaitMax) {
    return Prefixed(option, absl::InvalidArgumentError(
                                "must be greater than 0 and at most a year"));
  }
  return absl::ToChronoNanoseconds(*wait);
}

// The server that the program would talk to without --server.
std::string UsualServer() {
  const char* const server = std::getenv("LATCHKEY_SERVER");
  return server != nullptr && *server != '\0' ? server : GlobalOptions().server;
}

// Whether `out` is `standard`, and that is a terminal.
bool IsTerminal(const std::ostream& out, const std::ostream& standard,
                int file) {
  return out.rdbuf() == standard.rdbuf() && isatty(file) == 1;
}

std::string ReadStream(std::istream& in) {
  return std::string(std::istreambuf_iterator<char>(in), {});
}

}  // namespace

Session::Session(std::istream& in, std::ostream& out, std::ostream& err)
    : in_(in),
      out_(out),
      err_(err),
      out_is_terminal_(IsTerminal(out, std::cout, STDOUT_FILENO)),
      err_is_terminal_(IsTerminal(err, std::cerr, STDERR_FILENO)) {}

absl::StatusOr<std::string> Session::DecodeKey(const std::string& text) const {
  return DecodeText(text, TextEncodingFromName(options_.key_encoding));
}

absl::StatusOr<std::string> Session::DecodeValue(
    const std::string& text) const {
  return DecodeText(text, TextEncodingFromName(options_.value_encoding));
}

absl::StatusOr<std::string> Session::ReadAll(const std::string& path) {
  if (path == "-") return ReadStream(in_);
  std::ifstream file(path, std::ios::binary);
  // A directory opens but does not read.
  if (!file.is_open() || (file.peek(), file.bad())) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot read the file '", path, "'"));
  }
  return ReadStream(file);
}

ExitCode Session::Connect() {
  if (absl::Status status = CheckAddress(options_.server); !status.ok()) {
    return UsageError(Prefixed("--server", status));
  }
  const absl::StatusOr<Duration> timeout =
      ParseWait("--timeout", options_.timeout);
  if (!timeout.ok()) return UsageError(timeout.status());
  call_options_ = {.deadline = *timeout, .repeat = !options_.no_retry};
  if (options_.hedge != GlobalOptions().hedge) {
    const absl::StatusOr<Duration> hedge = ParseWait("--hedge", options_.hedge);
    if (!hedge.ok()) return UsageError(hedge.status());
    call_options_.hedge_delay = *hedge;
  }
  ChannelOptions channel = {.retries = false,
                            .server_name = options_.tls_server_name};
  const TlsOptions& tls = options_.tls;
  if (options_.use_tls || !tls.ca_file.empty() ||
      !tls.certificate_file.empty() || !tls.key_file.empty() ||
      !channel.server_name.empty()) {
    auto credentials = MakeTlsCredentials(tls);
    if (!credentials.ok()) return UsageError(credentials.status());
    channel.credentials = *std::move(credentials);
  }
  if (!options_.token_file.empty()) {
    absl::StatusOr<std::string> token = ReadTokenFile(options_.token_file);
    if (!token.ok()) return UsageError(token.status());
    channel.token = *std::move(token);
  }
  channel_ = MakeChannel(options_.server, channel);
  call_start_ = std::chrono::steady_clock::now();
  return ExitCode::kOk;
}

ExitCode Session::CallWith(
    std::string_view name,
    const std::function<CallResult(Client&, const CallOptions&)>& call) {
  if (const ExitCode code = Connect(); code != ExitCode::kOk) return code;
  Client client(channel_);
  return Finish(name, call(client, call_options_));
}

std::chrono::system_clock::time_point Session::Deadline() const {
  return std::chrono::time_point_cast<std::chrono::system_clock::duration>(
      std::chrono::system_clock::now() + *call_options_.deadline);
}

ExitCode Session::Finish(std::string_view name, const CallResult& result) {
  if (verbose()) NoteCall(name, result);
  if (result.ok()) return ExitCode::kOk;
  Note(ErrorToText(result.error));
  const std::string outcome = OutcomeToText(result, ConnectionWords());
  if (!outcome.empty()) Note(outcome);
  if (json()) out_ << DumpJson(ErrorToJson(result)) << '\n';
  return ExitCodeFor(result.error.code, result.outcome);
}

std::vector<std::string> Session::ConnectionWords() const {
  std::vector<std::string> words;
  if (options_.server != UsualServer()) words = {"--server", options_.server};
  if (options_.use_tls) words.emplace_back("--tls");
  const std::pair<const char*, const std::string&> values[] = {
      {"--tls-ca", options_.tls.ca_file},
      {"--tls-certificate", options_.tls.certificate_file},
      {"--tls-key", options_.tls.key_file},
      {"--tls-server-name", options_.tls_server_name},
      {"--token-file", options_.token_file}};
  for (const auto& [name, value] : values) {
    if (!value.empty()) words.insert(words.end(), {name, value});
  }
  return words;
}

void Session::NoteCall(std::string_view name, const CallResult& result) {
  const std::chrono::duration<double, std::milli> took =
      std::chrono::steady_clock::now() - call_start_;
  std::string note = absl::StrFormat(
      "%s to %s: %s in %.2f ms, attempts=%d", std::string(name),
      options_.server, std::string(StatusCodeName(result.error.code)),
      took.count(), result.attempts);
  if (!result.idempotency_key.empty()) {
    absl::StrAppend(
        &note, " replayed=", result.replayed ? "true" : "false",
        " idempotency_key=", EscapeForDisplay(result.idempotency_key));
  }
  Note(note);
}

void Session::Print(const google::protobuf::Message& response) {
  if (json()) {
    PrintJson(response);
  } else {
    out_ << MessageToLines(response);
  }
}

void Session::PrintJson(const google::protobuf::Message& response) {
  out_ << DumpJson(MessageToJson(response)) << '\n';
}

void Session::Note(std::string_view text) {
  err_ << "latchkey: " << text << '\n';
}

ExitCode Session::UsageError(const absl::Status& status) {
  Note(EscapeForDisplay(
      std::string_view(status.message().data(), status.message().size())));
  return ExitCode::kUsage;
}

}  // namespace latchkey::client
