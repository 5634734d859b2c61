#include "client/cli/session.h"

#include <unistd.h>

#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "client/cli/message_format.h"
#include "client/cli/parse.h"
#include "client/cli/text_codec.h"
#include "client/lib/call_error.h"
#include "client/lib/channel.h"

namespace latchkey::client {
namespace {

// Beyond a year the deadline would only risk an overflow.
constexpr absl::Duration kTimeoutMax = absl::Hours(24 * 365);

absl::StatusOr<std::chrono::nanoseconds> ParseTimeout(const std::string& text) {
  const absl::StatusOr<absl::Duration> timeout = ParseDuration(text);
  if (!timeout.ok()) return timeout.status();
  if (*timeout <= absl::ZeroDuration() || *timeout > kTimeoutMax) {
    return absl::InvalidArgumentError(
        "must be greater than 0 and at most a year");
  }
  return absl::ToChronoNanoseconds(*timeout);
}

absl::Status Prefixed(std::string_view option, const absl::Status& status) {
  return absl::Status(
      status.code(), absl::StrCat(std::string(option), ": ", status.message()));
}

bool IsTerminal(const std::ostream& out) {
  return out.rdbuf() == std::cout.rdbuf() && isatty(STDOUT_FILENO) == 1;
}

std::string ReadStream(std::istream& in) {
  return std::string(std::istreambuf_iterator<char>(in), {});
}

}  // namespace

Session::Session(std::istream& in, std::ostream& out, std::ostream& err)
    : in_(in), out_(out), err_(err), out_is_terminal_(IsTerminal(out)) {}

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
  const auto timeout = ParseTimeout(options_.timeout);
  if (!timeout.ok()) return UsageError(Prefixed("--timeout", timeout.status()));
  timeout_ = *timeout;
  channel_ = MakeChannel(options_.server);
  return ExitCode::kOk;
}

void Session::StartCall(grpc::ClientContext& context) {
  call_start_ = std::chrono::steady_clock::now();
  context.set_deadline(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(
          std::chrono::system_clock::now() + timeout_));
}

ExitCode Session::FinishCall(std::string_view name,
                             const grpc::Status& status) {
  const std::chrono::duration<double, std::milli> took =
      std::chrono::steady_clock::now() - call_start_;
  if (verbose()) {
    Note(absl::StrFormat(
        "%s to %s: %s in %.2f ms", std::string(name), options_.server,
        std::string(StatusCodeName(status.error_code())), took.count()));
  }
  if (status.ok()) return ExitCode::kOk;
  const CallError error = DecodeCallError(status);
  Note(ErrorToText(error));
  if (json()) out_ << DumpJson(ErrorToJson(error)) << '\n';
  return ExitCodeFor(error.code);
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
