#include <memory>
#include <string>

#include "client/cli/command_options.h"
#include "client/cli/commands.h"
#include "client/cli/text_codec.h"

namespace latchkey::client {
namespace {

struct PutCommand {
  KeyOption key;
  ValueOptions value;
  ExpirationOptions expiration;
  PreconditionOptions precondition;
  TextOption flags;
  bool return_previous = false;
  TextOption lease_token;
  IdempotencyOption idempotency;

  absl::Status Fill(Session& session, v1::PutRequest& request) const {
    LATCHKEY_RETURN_IF_ERROR(key.Fill(
        session, [&](const std::string& bytes) { request.set_key(bytes); }));
    const absl::StatusOr<std::string> bytes = value.Read(session);
    if (!bytes.ok()) return bytes.status();
    request.set_value(*bytes);
    if (expiration.given()) {
      LATCHKEY_RETURN_IF_ERROR(expiration.Fill(*request.mutable_expiration()));
    }
    if (precondition.given()) {
      LATCHKEY_RETURN_IF_ERROR(
          precondition.Fill(session, *request.mutable_precondition()));
    }
    LATCHKEY_RETURN_IF_ERROR(StoreInteger<uint32_t>(
        flags, [&](uint32_t bits) { request.set_flags(bits); }));
    request.set_return_previous(return_previous);
    idempotency.Fill(request);
    if (!lease_token.given()) return absl::OkStatus();
    return Store(
        lease_token, DecodeText(lease_token.text(), TextEncoding::kBase64),
        [&](const std::string& token) { request.set_lease_token(token); });
  }

  ExitCode Run(Session& session) const {
    return SendAndPrint(session, *this, &Client::Put);
  }
};

struct DeleteCommand {
  KeyOption key;
  PreconditionOptions precondition;
  bool return_previous = false;
  IdempotencyOption idempotency;

  absl::Status Fill(const Session& session, v1::DeleteRequest& request) const {
    LATCHKEY_RETURN_IF_ERROR(key.Fill(
        session, [&](const std::string& bytes) { request.set_key(bytes); }));
    request.set_return_previous(return_previous);
    idempotency.Fill(request);
    if (!precondition.given()) return absl::OkStatus();
    return precondition.Fill(session, *request.mutable_precondition());
  }

  ExitCode Run(Session& session) const {
    return SendAndPrint(
        session, *this, &Client::Delete,
        [](const v1::DeleteResponse& answer) { return answer.deleted(); });
  }
};

struct TouchCommand {
  KeyOption key;
  ExpirationOptions expiration;
  IdempotencyOption idempotency;

  absl::Status Fill(const Session& session, v1::TouchRequest& request) const {
    LATCHKEY_RETURN_IF_ERROR(key.Fill(
        session, [&](const std::string& bytes) { request.set_key(bytes); }));
    idempotency.Fill(request);
    if (!expiration.given()) {
      return absl::InvalidArgumentError(
          "touch needs an expiry, such as --ttl 30s or --persist");
    }
    return expiration.Fill(*request.mutable_expiration());
  }

  ExitCode Run(Session& session) const {
    return SendAndPrint(
        session, *this, &Client::Touch,
        [](const v1::TouchResponse& answer) { return answer.touched(); });
  }
};

struct MoveCommand {
  KeyOption source;
  KeyOption destination;
  bool overwrite = false;
  PreconditionOptions source_precondition;
  PreconditionOptions destination_precondition;
  IdempotencyOption idempotency;

  absl::Status Fill(const Session& session, v1::MoveRequest& request) const {
    LATCHKEY_RETURN_IF_ERROR(source.Fill(
        session,
        [&](const std::string& bytes) { request.set_source_key(bytes); }));
    LATCHKEY_RETURN_IF_ERROR(destination.Fill(
        session,
        [&](const std::string& bytes) { request.set_destination_key(bytes); }));
    request.set_overwrite(overwrite);
    idempotency.Fill(request);
    if (source_precondition.given()) {
      LATCHKEY_RETURN_IF_ERROR(source_precondition.Fill(
          session, *request.mutable_source_precondition()));
    }
    if (!destination_precondition.given()) return absl::OkStatus();
    return destination_precondition.Fill(
        session, *request.mutable_destination_precondition());
  }

  ExitCode Run(Session& session) const {
    return SendAndPrint(session, *this, &Client::Move);
  }
};

void AddPut(CLI::App& program, Commands& commands) {
  CLI::App* app = program.add_subcommand("put", "Writes a value under a key.");
  auto options = std::make_shared<PutCommand>();
  options->key.AddTo(*app);
  options->value.AddTo(*app);
  options->expiration.AddTo(*app);
  options->precondition.AddTo(*app);
  options->flags.AddTo(*app, "--flags", "NUMBER",
                       "32 bits kept with the entry; default 0");
  app->add_flag("--return-previous", options->return_previous,
                "Also print the entry that was replaced");
  options->lease_token.AddTo(*app, "--lease-token", "BASE64",
                             "The lease, from get --lease, that this fills");
  options->idempotency.AddTo(*app);
  app->footer(
      "Examples:\n"
      "  latchkey put greeting hello --ttl 1h\n"
      "  latchkey put lock:7 me --if-missing --ttl 30s\n"
      "  tar c docs | latchkey put docs.tar -\n"
      "  latchkey put -- key --value-that-looks-like-an-option");
  Register(commands, app, options);
}

void AddDelete(CLI::App& program, Commands& commands) {
  CLI::App* app = program.add_subcommand(
      "delete", "Removes a key.\nExit code 1 if there was none.");
  auto options = std::make_shared<DeleteCommand>();
  options->key.AddTo(*app);
  options->precondition.AddTo(*app);
  app->add_flag("--return-previous", options->return_previous,
                "Also print the entry that was removed");
  options->idempotency.AddTo(*app);
  app->footer("Example:\n  latchkey delete lock:7 --if-value me");
  Register(commands, app, options);
}

void AddTouch(CLI::App& program, Commands& commands) {
  CLI::App* app = program.add_subcommand(
      "touch",
      "Changes when an entry expires.\nExit code 1 if there is no such key.");
  auto options = std::make_shared<TouchCommand>();
  options->key.AddTo(*app);
  options->expiration.AddTo(*app);
  options->idempotency.AddTo(*app);
  app->footer(
      "Examples:\n"
      "  latchkey touch session:7 --ttl 30m\n"
      "  latchkey touch session:7 --persist");
  Register(commands, app, options);
}

void AddMove(CLI::App& program, Commands& commands) {
  CLI::App* app =
      program.add_subcommand("move",
                             "Renames a key in one step.\nThe value, the "
                             "expiry and the flags go along.");
  auto options = std::make_shared<MoveCommand>();
  options->source.AddTo(*app, "SOURCE", "The key to move");
  options->destination.AddTo(*app, "DESTINATION", "Its new name");
  app->add_flag("--overwrite", options->overwrite,
                "Replace an entry that is there");
  options->source_precondition.AddTo(*app, "source-");
  options->destination_precondition.AddTo(*app, "destination-");
  options->idempotency.AddTo(*app);
  app->footer("Example:\n  latchkey move queue:7 running:7");
  Register(commands, app, options);
}

}  // namespace

void AddWriteCommands(CLI::App& program, Commands& commands) {
  AddPut(program, commands);
  AddDelete(program, commands);
  AddTouch(program, commands);
  AddMove(program, commands);
}

}  // namespace latchkey::client
