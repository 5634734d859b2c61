// ExitCode is what `latchkey` tells a script.
//
// Thread safety: free functions and values, no shared state.

#ifndef LATCHKEY_CLIENT_CLI_EXIT_CODE_H_
#define LATCHKEY_CLIENT_CLI_EXIT_CODE_H_

#include <grpcpp/support/status.h>

#include <string>

#include "client/lib/outcome.h"

namespace latchkey::client {

// The numbers are part of the program's interface; ExitCodeHelp() documents
// them.
enum class ExitCode : int {
  kOk = 0,
  // The server was asked and said no: a miss, a precondition, a limit.
  kRefused = 1,
  kUsage = 2,
  kUnavailable = 3,
  kDeadlineExceeded = 4,
  kOther = 5,
};

// The exit code for a call that ended with `code`.  One whose outcome is
// unknown is neither done, refused nor wrong use.
ExitCode ExitCodeFor(grpc::StatusCode code, Outcome outcome);

// The exit codes as `--help` shows them.
std::string ExitCodeHelp();

}  // namespace latchkey::client

#endif  // LATCHKEY_CLIENT_CLI_EXIT_CODE_H_
