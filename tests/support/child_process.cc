#include "tests/support/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace latchkey {
namespace {

// Both ends close when a program is run.
absl::Status OpenPipe(std::array<int, 2>* ends) {
  if (pipe2(ends->data(), O_CLOEXEC) == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("pipe: ", strerror(errno)));
}

// What is read up to `end`, which is left out, or else to the end of the
// stream.
std::string Read(int fd, std::optional<char> end) {
  std::string text;
  char c = 0;
  pollfd readable = {fd, POLLIN, 0};
  const int patience_ms = static_cast<int>(
      std::chrono::milliseconds(ChildProcess::kPatience).count());
  while (poll(&readable, 1, patience_ms) > 0 && read(fd, &c, 1) == 1 &&
         c != end) {
    text += c;
  }
  return text;
}

// In the child, where only what is safe in a signal handler may be called.
[[noreturn]] void Run(char* const* argv, int out, int errors, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The parent may have ended before that.
  if (getppid() != parent) _exit(127);
  dup2(out, STDOUT_FILENO);
  if (errors >= 0) dup2(errors, STDERR_FILENO);
  // A connection that stays open in the child would not end when this process
  // closes it, and not every library says CLOEXEC.
  close_range(STDERR_FILENO + 1, ~0u, 0);
  execv(argv[0], argv);
  _exit(127);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Start(
    const Options& options) {
  std::array<int, 2> out = {-1, -1};
  std::array<int, 2> errors = {-1, -1};
  absl::Status status = OpenPipe(&out);
  if (status.ok() && options.capture_errors) status = OpenPipe(&errors);
  if (!status.ok()) return status;

  std::vector<char*> argv = {const_cast<char*>(options.program.c_str())};
  for (const std::string& argument : options.arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) Run(argv.data(), out[1], errors[1], parent);
  const int error = errno;
  close(out[1]);
  if (errors[1] >= 0) close(errors[1]);
  if (pid < 0) {
    close(out[0]);
    if (errors[0] >= 0) close(errors[0]);
    return absl::InternalError(absl::StrCat("fork: ", strerror(error)));
  }
  return std::unique_ptr<ChildProcess>(
      new ChildProcess(pid, out[0], errors[0]));
}

ChildProcess::~ChildProcess() {
  if (pid_ > 0) Kill();
  close(stdout_);
  if (stderr_ >= 0) close(stderr_);
}

std::string ChildProcess::ReadLine() { return Read(stdout_, '\n'); }

std::string ChildProcess::ReadErrors() { return Read(stderr_, std::nullopt); }

void ChildProcess::Signal(int signal) { kill(pid_, signal); }

int ChildProcess::Wait(std::string* rest) {
  const std::string text = Read(stdout_, std::nullopt);
  if (rest != nullptr) *rest = text;
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = 0;
  return status;
}

void ChildProcess::Kill() {
  Signal(SIGKILL);
  Wait();
}

}  // namespace latchkey
