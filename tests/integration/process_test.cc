// latchkeyd as a process: what it prints, and how it exits.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <grpcpp/client_context.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "client/lib/channel.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "latchkey/v1/cache.grpc.pb.h"

namespace latchkey {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// For what another process does; a test that needs it has failed.
constexpr std::chrono::seconds kPatience(60);

// One latchkeyd.  It is killed, by its process id, when a test leaves it.
class Process {
 public:
  explicit Process(const std::vector<std::string>& arguments) {
    int out[2];
    int err[2];
    EXPECT_EQ(pipe2(out, O_CLOEXEC), 0);
    EXPECT_EQ(pipe2(err, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
    std::vector<char*> argv = {const_cast<char*>(LATCHKEYD)};
    for (const std::string& argument : arguments) {
      argv.push_back(const_cast<char*>(argument.c_str()));
    }
    argv.push_back(nullptr);
    EXPECT_EQ(
        posix_spawn(&pid_, LATCHKEYD, &actions, nullptr, argv.data(), environ),
        0);
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    close(err[1]);
    stdout_ = out[0];
    stderr_ = err[0];
  }

  ~Process() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    close(stdout_);
    close(stderr_);
  }

  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // The next line of stdout, without its end; all of it where there is none.
  std::string ReadLine() { return Read(stdout_, '\n'); }

  std::string ReadErrors() { return Read(stderr_, std::nullopt); }

  void Signal(int signal) { EXPECT_EQ(kill(pid_, signal), 0); }

  // The wait status, once the process has ended, as it does when its stdout is
  // closed.
  int Wait() {
    EXPECT_EQ(Read(stdout_, std::nullopt), "") << "unread lines on stdout";
    int status = 0;
    EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
    pid_ = 0;
    return status;
  }

 private:
  static std::string Read(int fd, std::optional<char> end) {
    std::string text;
    char c = 0;
    pollfd readable = {fd, POLLIN, 0};
    const int patience_ms =
        static_cast<int>(std::chrono::milliseconds(kPatience).count());
    while (poll(&readable, 1, patience_ms) > 0 && read(fd, &c, 1) == 1 &&
           c != end) {
      text += c;
    }
    return text;
  }

  pid_t pid_ = 0;
  int stdout_ = -1;
  int stderr_ = -1;
};

int ExitCode(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

constexpr char kAnyPort[] = "--listen=127.0.0.1:0";

// The address in the first line of a server that has started; the second has
// that of its operations port.
std::string AddressOf(Process& process) {
  const std::string line = process.ReadLine();
  EXPECT_THAT(line, StartsWith("listening 127.0.0.1:"));
  EXPECT_THAT(process.ReadLine(), StartsWith("http 127.0.0.1:"));
  return line.substr(line.find(' ') + 1);
}

TEST(ProcessTest, ServesWhereItSaysAndExitsWith0OnEachSignal) {
  for (const int signal : {SIGTERM, SIGINT}) {
    Process process({kAnyPort});
    const std::string address = AddressOf(process);
    EXPECT_EQ(address.find(":0"), std::string::npos);
    const auto stub = v1::Cache::NewStub(client::MakeChannel(address));
    grpc::ClientContext context;
    v1::PutRequest request;
    request.set_key("key-canary");
    request.set_value("value-canary");
    v1::PutResponse response;
    EXPECT_TRUE(stub->Put(&context, request, &response).ok());
    process.Signal(signal);
    EXPECT_EQ(ExitCode(process.Wait()), 0);
    const std::string log = process.ReadErrors();
    EXPECT_THAT(log, HasSubstr("event=stopped"));
    EXPECT_THAT(log, Not(HasSubstr("canary")));
  }
}

TEST(ProcessTest, SecondSignalOfTheSameKindEndsItAtOnce) {
  Process process({kAnyPort, "--drain-seconds=3600"});
  const auto stub = grpc::health::v1::Health::NewStub(
      client::MakeChannel(AddressOf(process)));
  grpc::ClientContext context;
  const auto watch = stub->Watch(&context, {});
  grpc::health::v1::HealthCheckResponse response;
  ASSERT_TRUE(watch->Read(&response));
  process.Signal(SIGTERM);
  // The drain has begun, and this stream holds it up.
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(),
            grpc::health::v1::HealthCheckResponse::NOT_SERVING);
  process.Signal(SIGINT);
  process.Signal(SIGTERM);
  const int status = process.Wait();
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGTERM);
}

TEST(ProcessTest, TakenPortIsExitCode1AndNamed) {
  Process first({kAnyPort});
  const std::string address = AddressOf(first);
  Process second({"--listen=" + address});
  EXPECT_EQ(ExitCode(second.Wait()), 1);
  const std::string log = second.ReadErrors();
  EXPECT_THAT(log, HasSubstr("--listen"));
  EXPECT_THAT(log, HasSubstr(address));
  first.Signal(SIGTERM);
  EXPECT_EQ(ExitCode(first.Wait()), 0);
}

TEST(ProcessTest, BadOptionIsExitCode2AndOneLine) {
  Process process({kAnyPort, "--threads=0"});
  EXPECT_EQ(ExitCode(process.Wait()), 2);
  const std::string complaint = process.ReadErrors();
  EXPECT_THAT(complaint, StartsWith("latchkeyd: --threads"));
  EXPECT_EQ(complaint.find('\n'), complaint.size() - 1);
}

TEST(ProcessTest, VersionIsALineOfStdout) {
  Process process({"--version"});
  EXPECT_EQ(process.ReadLine(), "latchkeyd 0.1.0");
  EXPECT_EQ(ExitCode(process.Wait()), 0);
}

TEST(ProcessTest, LogsJsonWhereWanted) {
  Process process({kAnyPort, "--log-format=json"});
  AddressOf(process);
  process.Signal(SIGTERM);
  EXPECT_EQ(ExitCode(process.Wait()), 0);
  const std::string log = process.ReadErrors();
  EXPECT_THAT(log, StartsWith("{\"time\":\""));
  EXPECT_THAT(log, HasSubstr("\"event\":\"listening\""));
}

}  // namespace
}  // namespace latchkey
