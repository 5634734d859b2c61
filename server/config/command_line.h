// ParseCommandLine reads latchkeyd's options from where an operator may give
// them; the first place that has an option wins:
//
//   1. the command line, as --drain-seconds 5
//   2. the environment, as LATCHKEY_DRAIN_SECONDS=5
//   3. the TOML file that --config names, as drain-seconds = 5
//   4. the default
//
// Anything that it does not know or cannot accept is an error that names the
// option: no value is ever replaced in silence.
//
// Thread safety: a free function, no shared state.
//
// Example:
//   const CommandLine line = ParseCommandLine(
//       {argv + 1, argv + argc}, [](const char* name) { return getenv(name);
//       });
//   if (line.action == CommandLine::Action::kRefuse) {
//     std::cerr << line.text;
//     return 2;
//   }

#ifndef LATCHKEY_SERVER_CONFIG_COMMAND_LINE_H_
#define LATCHKEY_SERVER_CONFIG_COMMAND_LINE_H_

#include <functional>
#include <string>
#include <vector>

#include "server/config/options.h"

namespace latchkey {

struct CommandLine {
  enum class Action {
    // Serve with `options`.
    kServe,
    // Print `text` (help, version, configuration) and exit with 0.
    kPrint,
    // Print `text`, one line, as an error and exit with 2.
    kRefuse,
  };

  Action action = Action::kServe;
  ServerOptions options;
  std::string text;
};

// The value of an environment variable, or nullptr.
using Environment = std::function<const char*(const char* name)>;

// `arguments` are without the program's name.
CommandLine ParseCommandLine(const std::vector<std::string>& arguments,
                             const Environment& environment);

// How many cores this process may use.
int UsableCores();

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_CONFIG_COMMAND_LINE_H_
