#include <cstdint>
#include <memory>
#include <string>

#include "client/cli/command_options.h"
#include "client/cli/commands.h"

namespace latchkey::client {
namespace {

struct IncrementCommand {
  KeyOption key;
  TextOption delta;
  TextOption initial;
  TextOption min;
  TextOption max;
  ExpirationOptions expiration;
  IdempotencyOption idempotency;

  absl::Status Fill(const Session& session,
                    v1::IncrementRequest& request) const {
    LATCHKEY_RETURN_IF_ERROR(key.Fill(
        session, [&](const std::string& bytes) { request.set_key(bytes); }));
    request.set_delta(1);
    LATCHKEY_RETURN_IF_ERROR(StoreInteger<int64_t>(
        delta, [&](int64_t number) { request.set_delta(number); }));
    LATCHKEY_RETURN_IF_ERROR(StoreInteger<int64_t>(
        initial, [&](int64_t number) { request.set_initial(number); }));
    LATCHKEY_RETURN_IF_ERROR(StoreInteger<int64_t>(
        min, [&](int64_t number) { request.set_min(number); }));
    LATCHKEY_RETURN_IF_ERROR(StoreInteger<int64_t>(
        max, [&](int64_t number) { request.set_max(number); }));
    idempotency.Fill(request);
    if (!expiration.given()) return absl::OkStatus();
    return expiration.Fill(*request.mutable_expiration());
  }

  ExitCode Run(Session& session) const {
    v1::IncrementResponse response;
    const ExitCode code = Send(session, *this, &Client::Increment, response);
    if (code != ExitCode::kOk) return code;
    if (session.json()) {
      session.PrintJson(response);
    } else {
      session.out() << response.value() << '\n';
    }
    return ExitCode::kOk;
  }
};

struct TransferCommand {
  KeyOption source;
  KeyOption destination;
  TextOption amount;
  TextOption source_min;
  bool create_destination = false;
  IdempotencyOption idempotency;

  absl::Status Fill(const Session& session,
                    v1::TransferRequest& request) const {
    LATCHKEY_RETURN_IF_ERROR(source.Fill(
        session,
        [&](const std::string& bytes) { request.set_source_key(bytes); }));
    LATCHKEY_RETURN_IF_ERROR(destination.Fill(
        session,
        [&](const std::string& bytes) { request.set_destination_key(bytes); }));
    LATCHKEY_RETURN_IF_ERROR(StoreInteger<uint64_t>(
        amount, [&](uint64_t number) { request.set_amount(number); }));
    LATCHKEY_RETURN_IF_ERROR(StoreInteger<int64_t>(
        source_min, [&](int64_t number) { request.set_source_min(number); }));
    request.set_create_destination(create_destination);
    idempotency.Fill(request);
    return absl::OkStatus();
  }

  ExitCode Run(Session& session) const {
    return SendAndPrint(session, *this, &Client::Transfer);
  }
};

void AddIncrement(CLI::App& program, Commands& commands) {
  CLI::App* app = program.add_subcommand(
      "increment", "Adds to a counter and prints what it now holds.");
  auto options = std::make_shared<IncrementCommand>();
  options->key.AddTo(*app, "KEY", "The counter");
  options->delta.AddTo(*app, "DELTA", "",
                       "What is added, may be negative; default 1");
  options->initial.AddTo(
      *app, "--initial", "NUMBER",
      "What a missing counter starts from; without it that is an error");
  options->min.AddTo(*app, "--min", "NUMBER", "The least result allowed");
  options->max.AddTo(*app, "--max", "NUMBER", "The greatest result allowed");
  options->expiration.AddTo(*app);
  options->idempotency.AddTo(*app);
  app->footer(
      "Examples:\n"
      "  latchkey increment hits --initial 0\n"
      "  latchkey increment tickets -2 --min 0");
  Register(commands, app, options);
}

void AddTransfer(CLI::App& program, Commands& commands) {
  CLI::App* app = program.add_subcommand(
      "transfer", "Moves an amount from one counter to another in one step.");
  auto options = std::make_shared<TransferCommand>();
  options->source.AddTo(*app, "SOURCE", "The counter to take from");
  options->destination.AddTo(*app, "DESTINATION", "The counter to give to");
  options->amount.AddTo(*app, "AMOUNT", "", "How much, 1 or more")->required();
  options->source_min.AddTo(*app, "--source-min", "NUMBER",
                            "The least that may remain; default 0");
  app->add_flag("--create-destination", options->create_destination,
                "A missing destination starts from 0");
  options->idempotency.AddTo(*app);
  app->footer("Example:\n  latchkey transfer alice bob 50");
  Register(commands, app, options);
}

}  // namespace

void AddCounterCommands(CLI::App& program, Commands& commands) {
  AddIncrement(program, commands);
  AddTransfer(program, commands);
}

}  // namespace latchkey::client
