// ChildProcess is one run of another program, with pipes to what it prints.
// It ends with its owner: the destructor kills it, and the system does where
// the thread that started it ends without one.
//
// Thread safety: Signal() may be called from any thread while no other is in
// Wait() or Kill(); the other methods belong to one thread.
//
// Example:
//   auto server = ChildProcess::Start({.program = path,
//                                      .arguments = {"--listen=127.0.0.1:0"}});
//   const std::string line = (*server)->ReadLine();   // "listening ..."
//   (*server)->Signal(SIGTERM);
//   const int status = (*server)->Wait();

#ifndef LATCHKEY_TESTS_SUPPORT_CHILD_PROCESS_H_
#define LATCHKEY_TESTS_SUPPORT_CHILD_PROCESS_H_

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace latchkey {

class ChildProcess {
 public:
  // How long a read waits for the other process.
  static constexpr std::chrono::seconds kPatience{60};

  struct Options {
    // A path.
    std::string program;
    std::vector<std::string> arguments;
    // Whether stderr is kept for ReadErrors(); else it goes where that of this
    // process does.  What is kept and not read stops a program that prints
    // much.
    bool capture_errors = true;
  };

  // Errors: INTERNAL where the system gives no pipe or process.  A program that
  // cannot be run is one that ends with exit code 127.
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Start(
      const Options& options);

  ~ChildProcess();

  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }

  // The next line of stdout, without its end; what came until the end or until
  // patience ran out where there is none.
  std::string ReadLine();

  // All of stderr, to its end.  REQUIRES: capture_errors.
  std::string ReadErrors();

  // REQUIRES: the process has not been waited for.
  void Signal(int signal);

  // The wait status, once the process has ended, which is told by the end of
  // its stdout; whatever it printed and nobody read goes to `rest`.
  int Wait(std::string* rest = nullptr);

  // SIGKILL, and Wait().
  void Kill();

 private:
  ChildProcess(pid_t pid, int out, int errors)
      : pid_(pid), stdout_(out), stderr_(errors) {}

  // 0 when it has been waited for.
  pid_t pid_;
  const int stdout_;
  // -1 where it is not captured.
  const int stderr_;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SUPPORT_CHILD_PROCESS_H_
