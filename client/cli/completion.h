// Completion scripts for shells, made from the program's own description so
// that they know exactly the commands and options that it knows.
//
// Thread safety: free functions, no shared state.

#ifndef LATCHKEY_CLIENT_CLI_COMPLETION_H_
#define LATCHKEY_CLIENT_CLI_COMPLETION_H_

#include <CLI/App.hpp>
#include <string>

namespace latchkey::client {

// A script that a shell loads, as: source <(latchkey completion bash).
std::string BashCompletion(const CLI::App& program);
std::string ZshCompletion(const CLI::App& program);
std::string FishCompletion(const CLI::App& program);

}  // namespace latchkey::client

#endif  // LATCHKEY_CLIENT_CLI_COMPLETION_H_
