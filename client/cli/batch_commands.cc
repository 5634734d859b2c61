#include <google/protobuf/util/json_util.h>

#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/command_options.h"
#include "client/cli/commands.h"
#include "client/cli/text_codec.h"

namespace latchkey::client {
namespace {

absl::Status FromJson(const std::string& json,
                      google::protobuf::Message& message) {
  const auto status =
      google::protobuf::util::JsonStringToMessage(json, &message);
  if (status.ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("not a ", message.GetDescriptor()->name(),
                   " in JSON: ", std::string(status.message())));
}

struct BatchPutCommand {
  std::vector<std::string> pairs;
  TextOption file;
  ExpirationOptions expiration;
  TextOption flags;
  IdempotencyOption idempotency;

  absl::Status AddPair(const Session& session, const std::string& pair,
                       v1::BatchPutRequest& request) const {
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", pair, "' is not KEY=VALUE"));
    }
    const auto key = session.DecodeKey(pair.substr(0, equals));
    if (!key.ok()) return key.status();
    const auto value = session.DecodeValue(pair.substr(equals + 1));
    if (!value.ok()) return value.status();
    v1::PutRequest& put = *request.add_puts();
    put.set_key(*key);
    put.set_value(*value);
    LATCHKEY_RETURN_IF_ERROR(StoreInteger<uint32_t>(
        flags, [&](uint32_t bits) { put.set_flags(bits); }));
    if (!expiration.given()) return absl::OkStatus();
    return expiration.Fill(*put.mutable_expiration());
  }

  absl::Status AddFile(Session& session, v1::BatchPutRequest& request) const {
    const absl::StatusOr<std::string> content = session.ReadAll(file.text());
    if (!content.ok()) return content.status();
    std::istringstream lines(*content);
    std::string line;
    for (int number = 1; std::getline(lines, line); ++number) {
      if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
      if (absl::Status status = FromJson(line, *request.add_puts());
          !status.ok()) {
        return absl::InvalidArgumentError(
            absl::StrCat("line ", number, ": ", status.message()));
      }
    }
    return absl::OkStatus();
  }

  absl::Status Fill(Session& session, v1::BatchPutRequest& request) const {
    for (const std::string& pair : pairs) {
      LATCHKEY_RETURN_IF_ERROR(AddPair(session, pair, request));
    }
    if (file.given()) LATCHKEY_RETURN_IF_ERROR(AddFile(session, request));
    idempotency.Fill(request);
    if (request.puts().empty()) {
      return absl::InvalidArgumentError("nothing to put");
    }
    return absl::OkStatus();
  }

  ExitCode Run(Session& session) const {
    return SendAndPrint(session, *this, &Client::BatchPut);
  }
};

struct BatchDeleteCommand {
  std::vector<std::string> keys;
  bool return_previous = false;
  IdempotencyOption idempotency;

  absl::Status Fill(const Session& session,
                    v1::BatchDeleteRequest& request) const {
    for (const std::string& text : keys) {
      const absl::StatusOr<std::string> key = session.DecodeKey(text);
      if (!key.ok()) return key.status();
      v1::DeleteRequest& one = *request.add_deletes();
      one.set_key(*key);
      one.set_return_previous(return_previous);
    }
    idempotency.Fill(request);
    return absl::OkStatus();
  }

  static bool AllDeleted(const v1::BatchDeleteResponse& answer) {
    for (const v1::DeleteResponse& result : answer.results()) {
      if (!result.deleted()) return false;
    }
    return true;
  }

  ExitCode Run(Session& session) const {
    return SendAndPrint(session, *this, &Client::BatchDelete, AllDeleted);
  }
};

struct TransactCommand {
  TextOption file;
  IdempotencyOption idempotency;

  absl::Status Fill(Session& session, v1::TransactRequest& request) const {
    const absl::StatusOr<std::string> json = session.ReadAll(file.text());
    if (!json.ok()) return json.status();
    LATCHKEY_RETURN_IF_ERROR(FromJson(*json, request));
    idempotency.Fill(request);
    return absl::OkStatus();
  }

  ExitCode Run(Session& session) const {
    return SendAndPrint(
        session, *this, &Client::Transact,
        [](const v1::TransactResponse& answer) { return answer.succeeded(); });
  }
};

void AddBatchPut(CLI::App& program, Commands& commands) {
  CLI::App* app =
      program.add_subcommand("batch-put",
                             "Writes up to 128 entries, all or none of them.\n"
                             "KEY=VALUE is split at its first '='; --ttl and "
                             "the like hold for these.\n"
                             "Each line of --file is a latchkey.v1.PutRequest "
                             "in protobuf's JSON form,\n"
                             "with bytes in base64.");
  auto options = std::make_shared<BatchPutCommand>();
  AddTextList(*app, options->pairs, "KEY=VALUE", "The entries");
  options->file.AddTo(*app, "-f,--file", "PATH",
                      "Reads further entries from a file; - is the input");
  options->expiration.AddTo(*app);
  options->flags.AddTo(*app, "--flags", "NUMBER",
                       "32 bits kept with each KEY=VALUE; default 0");
  options->idempotency.AddTo(*app);
  app->footer(
      "Examples:\n"
      "  latchkey batch-put alice=100 bob=0 --ttl 1h\n"
      "  echo '{\"key\": \"YWxpY2U=\", \"value\": \"MTAw\",\n"
      "         \"expiration\": {\"ttl\": \"3600s\"}}' | tr -d '\\n' |\n"
      "    latchkey batch-put --file -");
  Register(commands, app, options);
}

void AddBatchDelete(CLI::App& program, Commands& commands) {
  CLI::App* app =
      program.add_subcommand("batch-delete",
                             "Removes up to 128 keys, all or none of them.\n"
                             "Exit code 1 if any of them was not there.");
  auto options = std::make_shared<BatchDeleteCommand>();
  AddTextList(*app, options->keys, "KEY", "The keys")->required();
  app->add_flag("--return-previous", options->return_previous,
                "Also print the entries that were removed");
  options->idempotency.AddTo(*app);
  app->footer("Example:\n  latchkey batch-delete alice bob");
  Register(commands, app, options);
}

void AddTransact(CLI::App& program, Commands& commands) {
  CLI::App* app = program.add_subcommand(
      "transact",
      "Compares, then runs one of two lists of operations: all or nothing.\n"
      "FILE holds a latchkey.v1.TransactRequest in protobuf's JSON form, with\n"
      "bytes in base64.  Exit code 1 if the compares did not all hold.");
  auto options = std::make_shared<TransactCommand>();
  options->file.AddTo(*app, "FILE", "", "The transaction; - is the input")
      ->required();
  options->idempotency.AddTo(*app);
  app->footer(
      "Example (if \"alice\" exists, count in \"hits\" and delete \"bob\"):\n"
      "  latchkey transact - <<END\n"
      "  {\"compares\": [{\"key\": \"YWxpY2U=\",\n"
      "                 \"precondition\": {\"exists\": true}}],\n"
      "   \"onSuccess\": [{\"increment\": {\"key\": \"aGl0cw==\",\n"
      "                                \"delta\": 1, \"initial\": 0}},\n"
      "                 {\"delete\": {\"key\": \"Ym9i\"}}]}\n"
      "  END");
  Register(commands, app, options);
}

}  // namespace

void AddBatchCommands(CLI::App& program, Commands& commands) {
  AddBatchPut(program, commands);
  AddBatchDelete(program, commands);
  AddTransact(program, commands);
}

}  // namespace latchkey::client
