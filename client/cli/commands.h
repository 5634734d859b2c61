// The commands of `latchkey`, in groups.  Each function declares the commands
// of its group to the program and says how each is run.
//
// Thread safety: none; Command::run keeps what the parse fills.

#ifndef LATCHKEY_CLIENT_CLI_COMMANDS_H_
#define LATCHKEY_CLIENT_CLI_COMMANDS_H_

#include <CLI/App.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "client/cli/exit_code.h"
#include "client/cli/session.h"

namespace latchkey::client {

struct Command {
  // Owned by the program's App.
  CLI::App* app;
  // To be called after the parse, where `app` was on the command line.
  std::function<ExitCode(Session&)> run;
};

using Commands = std::vector<Command>;

// Adds `app`, which is run by options->Run(session).
template <typename Options>
void Register(Commands& commands, CLI::App* app,
              std::shared_ptr<Options> options) {
  commands.push_back(
      {app, [options](Session& session) { return options->Run(session); }});
}

// The usual start of a Run(): makes the request from `options` and sends it.
// Where the result is not kOk, the failure has been reported.
template <typename Options, typename Request, typename Response>
ExitCode Send(Session& session, const Options& options,
              ClientMethod<Request, Response> method, Response& response) {
  Request request;
  if (absl::Status status = options.Fill(session, request); !status.ok()) {
    return session.UsageError(status);
  }
  return session.Call(method, request, response);
}

// The whole of a usual Run(): sends, and prints the answer.  `done` says
// whether the answer is the one that was hoped for.
template <typename Options, typename Request, typename Response, typename Done>
ExitCode SendAndPrint(Session& session, const Options& options,
                      ClientMethod<Request, Response> method, Done done) {
  Response response;
  const ExitCode code = Send(session, options, method, response);
  if (code != ExitCode::kOk) return code;
  session.Print(response);
  return done(response) ? ExitCode::kOk : ExitCode::kRefused;
}

template <typename Options, typename Request, typename Response>
ExitCode SendAndPrint(Session& session, const Options& options,
                      ClientMethod<Request, Response> method) {
  return SendAndPrint(session, options, method,
                      [](const Response&) { return true; });
}

// get, batch-get
void AddReadCommands(CLI::App& program, Commands& commands);

// scan
void AddScanCommand(CLI::App& program, Commands& commands);

// put, delete, touch, move
void AddWriteCommands(CLI::App& program, Commands& commands);

// batch-put, batch-delete, transact
void AddBatchCommands(CLI::App& program, Commands& commands);

// increment, transfer
void AddCounterCommands(CLI::App& program, Commands& commands);

// get-outcome, health, stats, completion
void AddServiceCommands(CLI::App& program, Commands& commands);

}  // namespace latchkey::client

#endif  // LATCHKEY_CLIENT_CLI_COMMANDS_H_
