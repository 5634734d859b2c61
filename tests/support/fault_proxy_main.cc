// fault-proxy: a FaultProxy for tests in other languages, told by lines of text
// what to do.
//
// Exit codes: 0 at the end of stdin, 1 when it could not start, 2 for wrong
// use.

#include <csignal>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "tests/support/fault_command.h"
#include "tests/support/fault_proxy.h"

namespace latchkey {
namespace {

constexpr char kUsage[] = R"(usage: fault-proxy ADDRESS:PORT

Forwards TCP from a port of 127.0.0.1 that the system chooses to ADDRESS:PORT,
and harms it on command.  Its first line is `listening HOST:PORT`; then it
answers each line of stdin, a command, with one line, until stdin ends.

)";

int Main(int argc, char** argv) {
  // A reader that went away shows as an error of the write.
  std::signal(SIGPIPE, SIG_IGN);
  if (argc == 2 && std::string(argv[1]) == "--help") {
    std::printf("%s%s", kUsage, kFaultCommandHelp);
    return 0;
  }
  if (argc != 2) {
    std::fprintf(stderr, "usage: fault-proxy ADDRESS:PORT (or --help)\n");
    return 2;
  }
  const absl::StatusOr<std::unique_ptr<FaultProxy>> proxy =
      FaultProxy::Start(argv[1]);
  if (!proxy.ok()) {
    std::fprintf(stderr, "fault-proxy: %s\n",
                 std::string(proxy.status().message()).c_str());
    return absl::IsInvalidArgument(proxy.status()) ? 2 : 1;
  }
  std::printf("listening %s\n", (*proxy)->address().c_str());
  std::fflush(stdout);
  std::string line;
  while (std::getline(std::cin, line)) {
    std::printf("%s\n", RunFaultCommand(**proxy, line).c_str());
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace latchkey

int main(int argc, char** argv) { return latchkey::Main(argc, argv); }
