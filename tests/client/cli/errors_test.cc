#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "tests/client/cli/cli_fixture.h"

namespace latchkey::client {
namespace {

grpc::Status PreconditionFailed() {
  google::rpc::ErrorInfo info;
  info.set_domain("latchkey");
  info.set_reason("PRECONDITION_FAILED");
  (*info.mutable_metadata())["current_version"] = "7";
  (*info.mutable_metadata())["applied"] = "no";
  google::rpc::Status details;
  details.add_details()->PackFrom(info);
  return grpc::Status(grpc::StatusCode::ABORTED, "version is 7",
                      details.SerializeAsString());
}

// A port of 127.0.0.1 that is taken, so that nobody else listens there, and
// that refuses connections.
class SilentPort {
 public:
  SilentPort() : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&address), size), 0);
    getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  ~SilentPort() { close(socket_); }

  std::string Address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  const int socket_;
  int port_ = 0;
};

TEST_F(CliTest, AnErrorIsOneLineAndItsExitCode) {
  script_.Fail(PreconditionFailed());

  const CliResult result = Cli({"put", "k", "v", "--if-version", "6"});

  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err,
            "latchkey: ABORTED PRECONDITION_FAILED: version is 7"
            " (applied=no, current_version=7)\n"
            "latchkey: not applied: this command changed nothing\n");
}

TEST_F(CliTest, AnErrorIsJsonToo) {
  script_.Fail(PreconditionFailed());

  const CliResult result =
      Cli({"put", "k", "v", "--idempotency-key", "once", "--json"});

  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out,
            R"({"error":{"code":"ABORTED","reason":"PRECONDITION_FAILED",)"
            R"("message":"version is 7","field":"",)"
            R"("metadata":{"applied":"no","current_version":"7"},)"
            R"("outcome":"not_applied","idempotency_key":"once",)"
            R"("stamp":"","attempts":1}})"
            "\n");
}

TEST_F(CliTest, WhatIsNotServedIsShownAsSuch) {
  script_.Fail(
      grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "not in this release"));

  const CliResult result = Cli({"get", "k"});

  EXPECT_EQ(result.exit_code, 5);
  EXPECT_EQ(result.err, "latchkey: UNIMPLEMENTED: not in this release\n");
}

TEST_F(CliTest, ACallThatTakesTooLongIsExitCode4) {
  script_.Hold();

  const CliResult result =
      RunProgram({"--server", address_, "get", "k", "--timeout", "50ms"});

  EXPECT_EQ(result.exit_code, 4);
  EXPECT_EQ(result.err.substr(0, 28), "latchkey: DEADLINE_EXCEEDED:")
      << result.err;
}

TEST(ErrorsTest, NoServerIsExitCode3) {
  const SilentPort nobody;

  const CliResult result = RunProgram(
      {"--server", nobody.Address(), "--timeout", "60s", "get", "k"});

  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.err.substr(0, 22), "latchkey: UNAVAILABLE:") << result.err;
}

TEST_F(CliTest, OutputThatCannotBeWrittenIsExitCode5) {
  std::istringstream in;
  std::ostringstream broken;
  broken.setstate(std::ios::badbit);
  std::ostringstream err;
  const char* argv[] = {"latchkey",  "--server", address_.c_str(),
                        "--timeout", "60s",      "put",
                        "k",         "v"};

  EXPECT_EQ(client::Run(8, argv, in, broken, err), 5);
  EXPECT_EQ(err.str(), "latchkey: cannot write the output\n");
}

}  // namespace
}  // namespace latchkey::client
