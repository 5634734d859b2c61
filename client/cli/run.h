// Run is the program `latchkey` without its process, so that tests can be its
// user.
//
// Thread safety: may be called from several threads with streams of their own.
//
// Example:
//   const char* argv[] = {"latchkey", "get", "greeting"};
//   std::ostringstream out;
//   int exit_code = Run(3, argv, std::cin, out, std::cerr);

#ifndef LATCHKEY_CLIENT_CLI_RUN_H_
#define LATCHKEY_CLIENT_CLI_RUN_H_

#include <istream>
#include <ostream>

namespace latchkey::client {

// Does what the command line says and answers with an ExitCode.  Results go to
// `out`, everything else to `err`.
int Run(int argc, const char* const* argv, std::istream& in, std::ostream& out,
        std::ostream& err);

}  // namespace latchkey::client

#endif  // LATCHKEY_CLIENT_CLI_RUN_H_
