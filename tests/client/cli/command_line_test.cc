#include <google/protobuf/descriptor.h>

#include <cctype>
#include <cstdlib>
#include <string>

#include "tests/client/cli/cli_fixture.h"

namespace latchkey::client {
namespace {

// "BatchGet" -> "batch-get"
std::string CommandOf(const std::string& method) {
  std::string name;
  for (char letter : method) {
    if (std::isupper(static_cast<unsigned char>(letter)) && !name.empty()) {
      name += '-';
    }
    name += static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  }
  return name;
}

TEST(CommandLineTest, EveryRpcIsACommand) {
  const google::protobuf::ServiceDescriptor* service =
      v1::GetRequest::descriptor()->file()->FindServiceByName("Cache");
  ASSERT_NE(service, nullptr);
  ASSERT_GT(service->method_count(), 0);
  for (int i = 0; i < service->method_count(); ++i) {
    const std::string command = CommandOf(service->method(i)->name());
    const CliResult result = RunProgram({command, "--help"});
    EXPECT_EQ(result.exit_code, 0) << command << ": " << result.err;
    EXPECT_NE(result.out.find("Usage: latchkey " + command), std::string::npos)
        << result.out;
  }
}

TEST(CommandLineTest, HelpDocumentsTheExitCodes) {
  const CliResult result = RunProgram({"--help"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_NE(result.out.find("Exit codes:\n  0  done\n"), std::string::npos);
}

TEST(CommandLineTest, VersionIsPrinted) {
  const CliResult result = RunProgram({"--version"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out.substr(0, 9), "latchkey ");
  EXPECT_TRUE(std::isdigit(static_cast<unsigned char>(result.out[9])));
}

TEST(CommandLineTest, WrongUseIsExitCode2) {
  EXPECT_EQ(RunProgram({}).exit_code, 2);
  EXPECT_EQ(RunProgram({"get"}).exit_code, 2);
  EXPECT_EQ(RunProgram({"get", "k", "--no-such-option"}).exit_code, 2);
  EXPECT_EQ(RunProgram({"get", "k", "put"}).exit_code, 2);
  const CliResult unknown = RunProgram({"fetch", "k"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_EQ(unknown.err,
            "latchkey: no such command: fetch (latchkey --help)\n");
}

TEST(CommandLineTest, GlobalOptionsAreChecked) {
  for (const std::string server :
       {"", "localhost", ":7411", "a:0", "a:65536", "a:http"}) {
    const CliResult result = RunProgram({"--server", server, "get", "k"});
    EXPECT_EQ(result.exit_code, 2) << server;
    EXPECT_NE(result.err.find("is not HOST:PORT"), std::string::npos) << server;
  }
  for (const std::string timeout : {"0s", "-1s", "9000h", "1", "soon"}) {
    const CliResult result = RunProgram({"--timeout", timeout, "get", "k"});
    EXPECT_EQ(result.exit_code, 2) << timeout;
    EXPECT_NE(result.err.find("--timeout: "), std::string::npos) << timeout;
  }
  for (const std::string hedge : {"0s", "-1s", "9000h", ""}) {
    const CliResult result = RunProgram({"get", "k", "--hedge", hedge});
    EXPECT_EQ(result.exit_code, 2) << hedge;
    EXPECT_NE(result.err.find("--hedge: "), std::string::npos) << hedge;
  }
  EXPECT_EQ(RunProgram({"get", "k", "--hedge", "5ms", "--no-retry"}).exit_code,
            2);
  EXPECT_EQ(RunProgram({"--key-encoding", "rot13", "get", "k"}).exit_code, 2);
}

TEST_F(CliTest, TheServerComesFromTheEnvironment) {
  setenv("LATCHKEY_SERVER", address_.c_str(), 1);
  const CliResult result = RunProgram({"--timeout", "60s", "put", "k", "v"});
  unsetenv("LATCHKEY_SERVER");

  EXPECT_EQ(result.exit_code, 0) << result.err;
  ExpectAsked<v1::PutRequest>("key: 'k' value: 'v'");
}

TEST_F(CliTest, KeysMayLookLikeCommandsListsAndOptions) {
  Cli({"get", "put"});
  ExpectAsked<v1::GetRequest>("key: 'put'");

  Cli({"batch-get", "[a,b]", "get", ""});
  ExpectAsked<v1::BatchGetRequest>("keys: '[a,b]' keys: 'get' keys: ''");

  Cli({"put", "--", "-k", "--json"});
  ExpectAsked<v1::PutRequest>("key: '-k' value: '--json'");

  Cli({"batch-get", "a", "--", "-b"});
  ExpectAsked<v1::BatchGetRequest>("keys: 'a' keys: '-b'");
}

TEST_F(CliTest, KeysMayBeWrittenInOtherEncodings) {
  Cli({"--key-encoding", "hex", "get", "00ff"});
  ExpectAsked<v1::GetRequest>(R"(key: "\000\377")");

  Cli({"--key-encoding", "base64", "delete", "AP8="});
  ExpectAsked<v1::DeleteRequest>(R"(key: "\000\377")");

  Cli({"--key-encoding", "escaped", "batch-delete", "a\\n", "b"});
  ExpectAsked<v1::BatchDeleteRequest>(
      R"(deletes { key: "a\n" } deletes { key: "b" })");

  ExpectUsageError({"--key-encoding", "hex", "get", "0"}, "KEY: '0'");
  ExpectUsageError({"--key-encoding", "hex", "batch-get", "xx"}, "'xx'");
}

TEST_F(CliTest, ValueEncodingHoldsForArgumentsOnly) {
  Cli({"--value-encoding", "hex", "put", "00", "00ff", "--if-value", "01"});
  ExpectAsked<v1::PutRequest>(
      R"(key: "00" value: "\000\377" precondition { value: "\001" })");

  Cli({"--value-encoding", "hex", "put", "00", "-"}, "00ff");
  ExpectAsked<v1::PutRequest>("key: '00' value: '00ff'");
}

}  // namespace
}  // namespace latchkey::client
