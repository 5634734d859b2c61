#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/command_options.h"
#include "client/cli/commands.h"
#include "client/cli/message_format.h"
#include "client/cli/parse.h"
#include "client/cli/text_codec.h"

namespace latchkey::client {
namespace {

struct LeaseOptions {
  TextOption ttl;
  TextOption refresh_below;
  bool wait = false;

  void AddTo(CLI::App& command) {
    const std::string group = "Lease";
    ttl.AddTo(command, "--lease", "DURATION",
              "On a miss, ask for the right to fill the key for this long")
        ->group(group);
    refresh_below
        .AddTo(command, "--refresh-below", "DURATION",
               "Also lease an entry with less than this left to live")
        ->group(group);
    command
        .add_flag("--wait", wait,
                  "Where another caller holds the lease, wait for it")
        ->group(group);
  }

  absl::Status Fill(v1::GetRequest& request) const {
    if (!ttl.given()) {
      if (!refresh_below.given() && !wait) return absl::OkStatus();
      return absl::InvalidArgumentError(
          "--refresh-below and --wait need --lease");
    }
    v1::LeaseRequest& lease = *request.mutable_lease();
    lease.set_wait(wait);
    LATCHKEY_RETURN_IF_ERROR(
        Store(ttl, ParseProtoDuration(ttl.text()),
              [&](const auto& duration) { *lease.mutable_ttl() = duration; }));
    if (!refresh_below.given()) return absl::OkStatus();
    return Store(refresh_below, ParseProtoDuration(refresh_below.text()),
                 [&](const auto& duration) {
                   *lease.mutable_refresh_below() = duration;
                 });
  }
};

struct GetCommand {
  KeyOption key;
  TextOption if_version_not;
  ExpirationOptions touch;
  LeaseOptions lease;

  absl::Status Fill(const Session& session, v1::GetRequest& request) const {
    LATCHKEY_RETURN_IF_ERROR(key.Fill(
        session, [&](const std::string& bytes) { request.set_key(bytes); }));
    LATCHKEY_RETURN_IF_ERROR(StoreInteger<uint64_t>(
        if_version_not,
        [&](uint64_t version) { request.set_if_version_not(version); }));
    if (touch.given()) {
      LATCHKEY_RETURN_IF_ERROR(touch.Fill(*request.mutable_touch()));
    }
    return lease.Fill(request);
  }

  static ExitCode PrintMiss(Session& session, const v1::GetResponse& response) {
    std::string note = response.not_modified() ? "not modified" : "miss";
    if (response.lease().held_by_other()) note += ", leased to another caller";
    if (!response.lease().token().empty()) note += ", " + Granted(response);
    session.Note(note);
    return ExitCode::kRefused;
  }

  static void PrintEntry(Session& session, const v1::GetResponse& response) {
    const v1::Entry& entry = response.entry();
    session.out() << entry.value();
    if (session.out_is_terminal()) session.out() << '\n';
    if (session.verbose()) {
      session.Note(
          absl::StrCat("version=", entry.version(), " flags=", entry.flags()));
    }
    // To refresh it.
    if (!response.lease().token().empty()) session.Note(Granted(response));
  }

  static std::string Granted(const v1::GetResponse& response) {
    return "lease_token=" + ToBase64(response.lease().token());
  }

  ExitCode Run(Session& session) const {
    v1::GetResponse response;
    const ExitCode code = Send(session, *this, &Client::Get, response);
    if (code != ExitCode::kOk) return code;
    if (session.json()) session.PrintJson(response);
    if (!response.has_entry()) return PrintMiss(session, response);
    if (!session.json()) PrintEntry(session, response);
    return ExitCode::kOk;
  }
};

struct BatchGetCommand {
  std::vector<std::string> keys;
  bool atomic = false;

  ExitCode Run(Session& session) const {
    v1::BatchGetRequest request;
    request.set_atomic(atomic);
    for (const std::string& text : keys) {
      const absl::StatusOr<std::string> key = session.DecodeKey(text);
      if (!key.ok()) return session.UsageError(key.status());
      request.add_keys(*key);
    }
    v1::BatchGetResponse response;
    const ExitCode code = session.Call(&Client::BatchGet, request, response);
    if (code != ExitCode::kOk) return code;
    return PrintResults(session, request, response);
  }

  static ExitCode PrintResults(Session& session,
                               const v1::BatchGetRequest& request,
                               const v1::BatchGetResponse& response) {
    if (session.json()) session.PrintJson(response);
    ExitCode code = ExitCode::kOk;
    for (int i = 0; i < response.results_size(); ++i) {
      const v1::GetResponse& result = response.results(i);
      if (!result.has_entry()) {
        code = ExitCode::kRefused;
        const std::string_view key = i < request.keys_size()
                                         ? std::string_view(request.keys(i))
                                         : std::string_view();
        session.Note("miss: " + EscapeForDisplay(key));
      } else if (!session.json()) {
        session.out() << EscapeForDisplay(result.entry().key()) << '\t'
                      << EscapeForDisplay(result.entry().value()) << '\n';
      }
    }
    return code;
  }
};

void AddGet(CLI::App& program, Commands& commands) {
  CLI::App* app = program.add_subcommand(
      "get",
      "Prints the value of a key.\n"
      "The value comes as it is, with a newline only on a terminal; -v adds "
      "its\n"
      "version.  Exit code 1, and no output, for a miss and for an entry that\n"
      "--if-version-not left out.  An expiry option also touches the entry.");
  auto options = std::make_shared<GetCommand>();
  options->key.AddTo(*app);
  options->if_version_not.AddTo(
      *app, "--if-version-not", "VERSION",
      "No value where the entry still has this version");
  options->touch.AddTo(*app);
  options->lease.AddTo(*app);
  app->footer(
      "Examples:\n"
      "  latchkey get greeting\n"
      "  latchkey get session:7 --ttl 30m");
  Register(commands, app, options);
}

void AddBatchGet(CLI::App& program, Commands& commands) {
  CLI::App* app = program.add_subcommand(
      "batch-get",
      "Prints the values of several keys.\n"
      "A line KEY<tab>VALUE for each key that is there, with backslash "
      "sequences\n"
      "for what would break the line.  Exit code 1 if any key is missing.");
  app->alias("mget");
  auto options = std::make_shared<BatchGetCommand>();
  AddTextList(*app, options->keys, "KEY", "The keys")->required();
  app->add_flag("--atomic", options->atomic,
                "All values are of one moment (at most 128 keys)");
  app->footer("Example:\n  latchkey batch-get --atomic alice bob");
  Register(commands, app, options);
}

}  // namespace

void AddReadCommands(CLI::App& program, Commands& commands) {
  AddGet(program, commands);
  AddBatchGet(program, commands);
}

}  // namespace latchkey::client
