// latchkeyd as a process: what it prints, and how it exits.

#include <gmock/gmock.h>
#include <grpcpp/client_context.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/lib/channel.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "latchkey/v1/cache.grpc.pb.h"
#include "tests/support/child_process.h"

namespace latchkey {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::unique_ptr<ChildProcess> Start(const std::vector<std::string>& arguments) {
  auto process =
      ChildProcess::Start({.program = LATCHKEYD, .arguments = arguments});
  EXPECT_TRUE(process.ok()) << process.status();
  return *std::move(process);
}

// The wait status of a process that prints no more than was read.
int Wait(ChildProcess& process) {
  std::string rest;
  const int status = process.Wait(&rest);
  EXPECT_EQ(rest, "") << "unread lines on stdout";
  return status;
}

int ExitCode(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

constexpr char kAnyPort[] = "--listen=127.0.0.1:0";

// The address in the first line of a server that has started; the second has
// that of its operations port.
std::string AddressOf(ChildProcess& process) {
  const std::string line = process.ReadLine();
  EXPECT_THAT(line, StartsWith("listening 127.0.0.1:"));
  EXPECT_THAT(process.ReadLine(), StartsWith("http 127.0.0.1:"));
  return line.substr(line.find(' ') + 1);
}

TEST(ProcessTest, ServesWhereItSaysAndExitsWith0OnEachSignal) {
  for (const int signal : {SIGTERM, SIGINT}) {
    const auto process = Start({kAnyPort});
    const std::string address = AddressOf(*process);
    EXPECT_EQ(address.find(":0"), std::string::npos);
    const auto stub = v1::Cache::NewStub(client::MakeChannel(address));
    grpc::ClientContext context;
    v1::PutRequest request;
    request.set_key("key-canary");
    request.set_value("value-canary");
    v1::PutResponse response;
    EXPECT_TRUE(stub->Put(&context, request, &response).ok());
    process->Signal(signal);
    EXPECT_EQ(ExitCode(Wait(*process)), 0);
    const std::string log = process->ReadErrors();
    EXPECT_THAT(log, HasSubstr("event=stopped"));
    EXPECT_THAT(log, Not(HasSubstr("canary")));
  }
}

TEST(ProcessTest, SecondSignalOfTheSameKindEndsItAtOnce) {
  const auto process = Start({kAnyPort, "--drain-seconds=3600"});
  const auto stub = grpc::health::v1::Health::NewStub(
      client::MakeChannel(AddressOf(*process)));
  grpc::ClientContext context;
  const auto watch = stub->Watch(&context, {});
  grpc::health::v1::HealthCheckResponse response;
  ASSERT_TRUE(watch->Read(&response));
  process->Signal(SIGTERM);
  // The drain has begun, and this stream holds it up.
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(),
            grpc::health::v1::HealthCheckResponse::NOT_SERVING);
  process->Signal(SIGINT);
  process->Signal(SIGTERM);
  const int status = Wait(*process);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGTERM);
}

TEST(ProcessTest, TakenPortIsExitCode1AndNamed) {
  const auto first = Start({kAnyPort});
  const std::string address = AddressOf(*first);
  const auto second = Start({"--listen=" + address});
  EXPECT_EQ(ExitCode(Wait(*second)), 1);
  const std::string log = second->ReadErrors();
  EXPECT_THAT(log, HasSubstr("--listen"));
  EXPECT_THAT(log, HasSubstr(address));
  first->Signal(SIGTERM);
  EXPECT_EQ(ExitCode(Wait(*first)), 0);
}

TEST(ProcessTest, BadOptionIsExitCode2AndOneLine) {
  const auto process = Start({kAnyPort, "--threads=0"});
  EXPECT_EQ(ExitCode(Wait(*process)), 2);
  const std::string complaint = process->ReadErrors();
  EXPECT_THAT(complaint, StartsWith("latchkeyd: --threads"));
  EXPECT_EQ(complaint.find('\n'), complaint.size() - 1);
}

TEST(ProcessTest, VersionIsALineOfStdout) {
  const auto process = Start({"--version"});
  EXPECT_EQ(process->ReadLine(), "latchkeyd 0.1.0");
  EXPECT_EQ(ExitCode(Wait(*process)), 0);
}

TEST(ProcessTest, LogsJsonWhereWanted) {
  const auto process = Start({kAnyPort, "--log-format=json"});
  AddressOf(*process);
  process->Signal(SIGTERM);
  EXPECT_EQ(ExitCode(Wait(*process)), 0);
  const std::string log = process->ReadErrors();
  EXPECT_THAT(log, StartsWith("{\"time\":\""));
  EXPECT_THAT(log, HasSubstr("\"event\":\"listening\""));
}

}  // namespace
}  // namespace latchkey
