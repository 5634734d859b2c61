#include <memory>
#include <string>
#include <utility>

#include "client/cli/command_options.h"
#include "client/cli/commands.h"
#include "client/cli/completion.h"
#include "client/cli/stats_text.h"
#include "client/lib/call_error.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "latchkey/v1/admin.grpc.pb.h"

namespace latchkey::client {
namespace {

using grpc::health::v1::Health;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

struct GetOutcomeCommand {
  KeyOption key;
  TextOption stamp;
  bool fence = false;

  ExitCode Run(Session& session) const {
    v1::GetOutcomeRequest request;
    request.set_fence(fence);
    absl::Status status = key.Fill(session, [&](const std::string& bytes) {
      request.set_idempotency_key(bytes);
    });
    if (!status.ok()) return session.UsageError(status);
    v1::GetOutcomeResponse answer;
    const ExitCode code = session.CallWith(
        "GetOutcome", [&](Client& client, const CallOptions& options) {
          CallOptions with_stamp = options;
          with_stamp.stamp = stamp.text();
          Result<v1::GetOutcomeResponse> result =
              client.GetOutcome(request, with_stamp);
          answer = std::move(result.response);
          return CallResult(std::move(result));
        });
    if (code != ExitCode::kOk) return code;
    session.Print(answer);
    return answer.state() == v1::GetOutcomeResponse::DONE ? ExitCode::kOk
                                                          : ExitCode::kRefused;
  }
};

// Calls a method of a service that is not the cache, once: `call(context)`.
// Where the result is not kOk, the failure has been reported.
template <typename Call>
ExitCode CallOnce(Session& session, std::string_view name, Call call) {
  if (const ExitCode code = session.Connect(); code != ExitCode::kOk) {
    return code;
  }
  grpc::ClientContext context;
  context.set_deadline(session.Deadline());
  const grpc::Status status = call(context);
  return session.Finish(name, {.error = DecodeCallError(status),
                               .outcome = Outcome::kNotApplied,
                               .attempts = 1});
}

struct HealthCommand {
  TextOption service;

  ExitCode Run(Session& session) const {
    HealthCheckRequest request;
    request.set_service(service.text());
    HealthCheckResponse response;
    const ExitCode code =
        CallOnce(session, "Health.Check", [&](grpc::ClientContext& context) {
          return Health::NewStub(session.channel())
              ->Check(&context, request, &response);
        });
    if (code != ExitCode::kOk) return code;
    if (session.json()) {
      session.PrintJson(response);
    } else {
      session.out() << HealthCheckResponse::ServingStatus_Name(
                           response.status())
                    << '\n';
    }
    return response.status() == HealthCheckResponse::SERVING
               ? ExitCode::kOk
               : ExitCode::kRefused;
  }
};

struct StatsCommand {
  ExitCode Run(Session& session) const {
    v1::GetStatsResponse response;
    const ExitCode code =
        CallOnce(session, "Admin.GetStats", [&](grpc::ClientContext& context) {
          return v1::Admin::NewStub(session.channel())
              ->GetStats(&context, {}, &response);
        });
    if (code != ExitCode::kOk) return code;
    if (session.json()) {
      session.PrintJson(response);
    } else {
      session.out() << StatsToText(response);
    }
    return ExitCode::kOk;
  }
};

struct CompletionCommand {
  // The program that this is a command of.
  const CLI::App& program;
  std::string shell;

  ExitCode Run(Session& session) const {
    if (shell == "bash") session.out() << BashCompletion(program);
    if (shell == "zsh") session.out() << ZshCompletion(program);
    if (shell == "fish") session.out() << FishCompletion(program);
    return ExitCode::kOk;
  }
};

void AddGetOutcome(CLI::App& program, Commands& commands) {
  CLI::App* app = program.add_subcommand(
      "get-outcome",
      "Tells what became of a write that carried an idempotency key.\n"
      "Exit code 1 unless its answer is known.\n"
      "NOT_APPLIED (--fence) is certain with the stamp of the write, which "
      "its\n"
      "failure tells: where the record may be forgotten, the answer is an "
      "error\n"
      "(IDEMPOTENCY_KEY_EXPIRED, INCARNATION_CHANGED), and nothing is fenced.\n"
      "Without a stamp it holds within the server's window only.");
  auto options = std::make_shared<GetOutcomeCommand>();
  options->key.AddTo(*app, "IDEMPOTENCY_KEY",
                     "The key of the write, written as --key-encoding says");
  options->stamp.AddTo(*app, "--stamp", "STAMP",
                       "The stamp that was sent with the write");
  app->add_flag("--fence", options->fence,
                "Where there is no record, let no later copy take effect");
  app->footer(
      "Examples:\n"
      "  latchkey get-outcome order-7 --fence\n"
      "  latchkey get-outcome --key-encoding hex "
      "017f22e279b074c398c4dc0c0c07398f");
  Register(commands, app, options);
}

void AddHealth(CLI::App& program, Commands& commands) {
  CLI::App* app = program.add_subcommand(
      "health",
      "Asks whether the server serves.\nExit code 0 only for SERVING.");
  auto options = std::make_shared<HealthCommand>();
  options->service.AddTo(*app, "--service", "NAME",
                         "A service; default: the server as a whole");
  app->footer("Example:\n  latchkey health --service latchkey.v1.Cache");
  Register(commands, app, options);
}

void AddStats(CLI::App& program, Commands& commands) {
  CLI::App* app = program.add_subcommand(
      "stats",
      "Tells what the server has counted and what it holds.\n"
      "Hits, misses, evictions, expirations and leases since its start; memory "
      "by\n"
      "what it is for, beside --memory-max-bytes; outcomes of keyed writes; "
      "calls\n"
      "and connections.  admin.proto says what each number is.  With --json "
      "they\n"
      "are in one object, without the hit ratio, which is hits / (hits + "
      "misses).");
  app->footer(
      "Examples:\n  latchkey stats\n  latchkey stats --json | jq -r "
      ".keys.misses");
  Register(commands, app, std::make_shared<StatsCommand>());
}

void AddCompletion(CLI::App& program, Commands& commands) {
  CLI::App* app = program.add_subcommand(
      "completion", "Prints a script that lets a shell complete commands.");
  auto options = std::make_shared<CompletionCommand>(
      CompletionCommand{.program = program, .shell = ""});
  app->add_option("SHELL", options->shell, "bash, zsh or fish")
      ->required()
      ->type_name("")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  app->footer(
      "Examples:\n"
      "  source <(latchkey completion bash)\n"
      "  latchkey completion fish | source");
  Register(commands, app, options);
}

}  // namespace

void AddServiceCommands(CLI::App& program, Commands& commands) {
  AddGetOutcome(program, commands);
  AddHealth(program, commands);
  AddStats(program, commands);
  AddCompletion(program, commands);
}

}  // namespace latchkey::client
