#include "client/cli/exit_code.h"

namespace latchkey::client {
namespace {

ExitCode ExitCodeFor(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::OK:
      return ExitCode::kOk;
    case grpc::StatusCode::NOT_FOUND:
    case grpc::StatusCode::ALREADY_EXISTS:
    case grpc::StatusCode::ABORTED:
    case grpc::StatusCode::FAILED_PRECONDITION:
    case grpc::StatusCode::OUT_OF_RANGE:
      return ExitCode::kRefused;
    case grpc::StatusCode::INVALID_ARGUMENT:
      return ExitCode::kUsage;
    case grpc::StatusCode::UNAVAILABLE:
      return ExitCode::kUnavailable;
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return ExitCode::kDeadlineExceeded;
    default:
      return ExitCode::kOther;
  }
}

}  // namespace

ExitCode ExitCodeFor(grpc::StatusCode code, Outcome outcome) {
  const ExitCode exit_code = ExitCodeFor(code);
  const bool claims =
      exit_code == ExitCode::kRefused || exit_code == ExitCode::kUsage;
  return claims && outcome == Outcome::kUnknown ? ExitCode::kOther : exit_code;
}

std::string ExitCodeHelp() {
  return "Exit codes:\n"
         "  0  done\n"
         "  1  the server said no: a miss, a failed precondition, an existing\n"
         "     or missing key, a counter's limit (NOT_FOUND, ALREADY_EXISTS,\n"
         "     ABORTED, FAILED_PRECONDITION, OUT_OF_RANGE)\n"
         "  2  wrong use, or INVALID_ARGUMENT\n"
         "  3  UNAVAILABLE: no server there, or it sheds load or shuts down\n"
         "  4  DEADLINE_EXCEEDED\n"
         "  5  anything else\n"
         "A write that may have been applied all the same, \"outcome "
         "unknown\", is 3, 4\n"
         "or 5, never 1 or 2.";
}

}  // namespace latchkey::client
