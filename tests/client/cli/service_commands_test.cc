#include <string>
#include <utility>
#include <vector>

#include "tests/client/cli/cli_fixture.h"

namespace latchkey::client {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

TEST_F(CliTest, HealthIsOkOnlyForServing) {
  const std::vector<std::pair<std::string, int>> rows = {
      {"UNKNOWN", 1}, {"SERVING", 0}, {"NOT_SERVING", 1}};
  for (const auto& [state, exit_code] : rows) {
    Answer<HealthCheckResponse>("status: " + state);
    const CliResult result = Cli({"health"});
    EXPECT_EQ(result.exit_code, exit_code) << state;
    EXPECT_EQ(result.out, state + "\n");
    ExpectAsked<HealthCheckRequest>("");
  }
}

TEST_F(CliTest, HealthAsksForAService) {
  Answer<HealthCheckResponse>("status: SERVING");

  const CliResult result =
      Cli({"health", "--service", "latchkey.v1.Cache", "--json"});

  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "{\"status\":\"SERVING\"}\n");
  ExpectAsked<HealthCheckRequest>("service: 'latchkey.v1.Cache'");
}

TEST_F(CliTest, HealthOfAnUnknownServiceIsExitCode1) {
  script_.Fail(grpc::Status(grpc::StatusCode::NOT_FOUND, "no such service"));
  EXPECT_EQ(Cli({"health", "--service", "x"}).exit_code, 1);
}

TEST_F(CliTest, GetOutcomeAsksAndTells) {
  Answer<v1::GetOutcomeResponse>(
      "state: DONE method: '/latchkey.v1.Cache/Put'");

  const CliResult result = Cli({"get-outcome", "once", "--fence"});

  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out,
            "state=DONE\ncode=0\nmessage=\nmethod=/latchkey.v1.Cache/Put\n"
            "response=\n");
  ExpectAsked<v1::GetOutcomeRequest>("idempotency_key: 'once' fence: true");
}

TEST_F(CliTest, GetOutcomeWithoutARecordIsExitCode1) {
  Answer<v1::GetOutcomeResponse>("state: UNKNOWN");
  EXPECT_EQ(Cli({"get-outcome", "once"}).exit_code, 1);
  ExpectAsked<v1::GetOutcomeRequest>("idempotency_key: 'once'");
}

// As that of a C++ client.
TEST_F(CliTest, GetOutcomeTakesAKeyThatIsNoText) {
  Answer<v1::GetOutcomeResponse>("state: DONE");
  EXPECT_EQ(Cli({"get-outcome", "--key-encoding", "hex", "017f00ff"}).exit_code,
            0);
  ExpectAsked<v1::GetOutcomeRequest>(R"(idempotency_key: "\001\177\000\377")");
}

}  // namespace
}  // namespace latchkey::client
