#include "client/cli/run.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/cli/commands.h"
#include "client/cli/exit_code.h"
#include "client/cli/session.h"
#include "client/cli/text_codec.h"

namespace latchkey::client {
namespace {

// CLI11's help, but the list of commands has one line for each, and a list of
// texts no count behind it.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_subcommand(const CLI::App* command) const override {
    const std::string description = command->get_description();
    std::stringstream line;
    CLI::detail::format_help(line, command->get_display_name(true),
                             description.substr(0, description.find('\n')),
                             get_column_width());
    return line.str();
  }

  std::string make_option_usage(const CLI::Option* option) const override {
    std::string usage = make_option_name(option, true);
    if (option->get_expected_max() > 1) usage += "...";
    return option->get_required() ? usage : "[" + usage + "]";
  }
};

void AddTlsOptions(CLI::App& program, GlobalOptions& options) {
  program
      .add_flag("--tls", options.use_tls,
                "Speak TLS, as any other --tls-... option says too; the "
                "server's certificate must come from a root of the system")
      ->envname("LATCHKEY_TLS");
  const auto add_file = [&program](const char* name, std::string& file,
                                   const char* variable, const char* help) {
    program.add_option(name, file, help)->envname(variable)->type_name("FILE");
  };
  add_file("--tls-ca", options.tls.ca_file, "LATCHKEY_TLS_CA",
           "Or from a certificate in this file, in PEM");
  add_file("--tls-certificate", options.tls.certificate_file,
           "LATCHKEY_TLS_CERTIFICATE",
           "What to show to a server that asks for a certificate, in PEM");
  add_file("--tls-key", options.tls.key_file, "LATCHKEY_TLS_KEY",
           "Its key, in PEM");
  program
      .add_option("--tls-server-name", options.tls_server_name,
                  "Whom the server's certificate must be for, where that is "
                  "not the host of --server")
      ->envname("LATCHKEY_TLS_SERVER_NAME")
      ->type_name("NAME");
}

void AddGlobalOptions(CLI::App& program, GlobalOptions& options) {
  const CLI::IsMember encodings(TextEncodingNames());
  program.set_version_flag("--version", "latchkey " LATCHKEY_VERSION);
  program.add_option("-s,--server", options.server, "Where the server listens")
      ->envname("LATCHKEY_SERVER")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  AddTlsOptions(program, options);
  program
      .add_option("--token-file", options.token_file,
                  "The file with the bearer token to show to the server")
      ->envname("LATCHKEY_TOKEN_FILE")
      ->type_name("FILE");
  program
      .add_option("-t,--timeout", options.timeout,
                  "How long the call may take, retries included: 300ms, 5s, "
                  "1m")
      ->type_name("DURATION")
      ->capture_default_str()
      ->each([&](const std::string&) { options.timeout_given = true; });
  CLI::Option* const no_retry =
      program.add_flag("--no-retry", options.no_retry,
                       "Send each request once, also where the server is "
                       "unavailable");
  program
      .add_option("--hedge", options.hedge,
                  "Send a second copy of what has not been answered for this "
                  "long")
      ->type_name("DURATION")
      ->capture_default_str()
      ->excludes(no_retry);
  program
      .add_option(
          "--key-encoding", options.key_encoding,
          "How keys are written: text, escaped (\\n, \\377), hex, base64")
      ->type_name("ENCODING")
      ->capture_default_str()
      ->check(encodings);
  program
      .add_option("--value-encoding", options.value_encoding,
                  "How values given as arguments are written, likewise")
      ->type_name("ENCODING")
      ->capture_default_str()
      ->check(encodings);
  program.add_flag("--json", options.json,
                   "Print one JSON object, for an error too");
  program.add_flag("-v,--verbose", options.verbose,
                   "Say on the error output how the call went, how often it "
                   "was sent and under which idempotency key");
}

void DeclareProgram(CLI::App& program, Session& session, Commands& commands) {
  program.formatter(std::make_shared<HelpFormatter>());
  program.require_subcommand(1);
  // Lets `latchkey get key --json` find the global option.
  program.fallthrough();
  AddGlobalOptions(program, session.options());
  AddReadCommands(program, commands);
  AddScanCommand(program, commands);
  AddWriteCommands(program, commands);
  AddBatchCommands(program, commands);
  AddCounterCommands(program, commands);
  AddServiceCommands(program, commands);
  program.footer(absl::StrCat(
      "`latchkey COMMAND --help` tells more about a command.  Options may "
      "stand\n"
      "before or after the command; behind -- nothing is an option.\n\n"
      "Without --json a result is lines of NAME=VALUE (get: the value, "
      "increment:\n"
      "the number).  With it, bytes are NAME_base64, and also NAME_text where "
      "they\n"
      "are UTF-8; 64-bit numbers, versions among them, are strings.\n\n"
      "Every write carries an idempotency key, so that its retries take effect "
      "once.\n"
      "One that failed says whether it was applied, with --json in outcome,\n"
      "idempotency_key, stamp and attempts of the error; get-outcome finds out "
      "later.\n\n",
      ExitCodeHelp()));
}

// CLI11 only says that a command is missing where it does not know the first
// word.
std::string ParseErrorText(const CLI::App& program,
                           const CLI::ParseError& error) {
  if (program.get_subcommands().empty() && program.remaining_size() > 0) {
    return absl::StrCat("no such command: ", program.remaining().front());
  }
  return error.what();
}

ExitCode RunParsed(const Commands& commands, Session& session) {
  for (const Command& command : commands) {
    if (command.app->parsed()) return command.run(session);
  }
  return ExitCode::kUsage;
}

}  // namespace

int Run(int argc, const char* const* argv, std::istream& in, std::ostream& out,
        std::ostream& err) {
  Session session(in, out, err);
  Commands commands;
  CLI::App program("The command-line client of Latchkey, a key-value server.",
                   "latchkey");
  DeclareProgram(program, session, commands);
  try {
    program.parse(argc, argv);
  } catch (const CLI::Success& help_or_version) {
    return program.exit(help_or_version, out, err);
  } catch (const CLI::ParseError& error) {
    session.Note(absl::StrCat(EscapeForDisplay(ParseErrorText(program, error)),
                              " (latchkey --help)"));
    return static_cast<int>(ExitCode::kUsage);
  }
  ExitCode code = RunParsed(commands, session);
  if (!out.flush()) {
    session.Note("cannot write the output");
    code = ExitCode::kOther;
  }
  return static_cast<int>(code);
}

}  // namespace latchkey::client
