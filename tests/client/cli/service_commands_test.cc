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

TEST_F(CliTest, StatsAreInSectionsAndColumns) {
  Answer<v1::GetStatsResponse>(
      "server { version: '1.0' transport: 'native' uptime { seconds: 90 } "
      "live_calls: 1 connections: 0 resident_bytes: 1023 } "
      "keys { entries: 2 hits: 6 misses: 2 lease_grants: 3 } "
      "memory { max_bytes: 1610612736 usable_bytes: 1024 } "
      "idempotency { max_record_bytes: 268435456 }");

  const CliResult result = Cli({"stats"});

  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out,
            "server\n"
            "  version         1.0\n"
            "  transport       native\n"
            "  incarnation     \n"
            "  uptime          90s\n"
            "  live_calls      1\n"
            "  connections     0\n"
            "  resident_bytes  1023\n"
            "\n"
            "keys\n"
            "  entries           2\n"
            "  entries_expiring  0\n"
            "  hits              6\n"
            "  misses            2\n"
            "  hit_ratio         75.00 %\n"
            "  evictions         0\n"
            "  expirations       0\n"
            "  lease_grants      3\n"
            "  lease_waits       0\n"
            "  commit_version    0\n"
            "\n"
            "memory\n"
            "  max_bytes          1610612736  (1.50 GiB)\n"
            "  usable_bytes       1024  (1.00 KiB)\n"
            "  used_bytes         0\n"
            "  entry_bytes        0\n"
            "  table_bytes        0\n"
            "  queue_bytes        0\n"
            "  expiry_bytes       0\n"
            "  idempotency_bytes  0\n"
            "  lease_bytes        0\n"
            "  held_bytes         0\n"
            "  refusals           0\n"
            "\n"
            "idempotency\n"
            "  records           0\n"
            "  record_bytes      0\n"
            "  max_record_bytes  268435456  (256.00 MiB)\n"
            "  replays           0\n"
            "  mismatches        0\n"
            "  refusals          0\n");
  ExpectAsked<v1::GetStatsRequest>("");
}

TEST_F(CliTest, StatsOfAServerThatNobodyReadHaveNoHitRatio) {
  Answer<v1::GetStatsResponse>("");
  EXPECT_THAT(Cli({"stats"}).out,
              ::testing::HasSubstr("\n  hit_ratio         -\n"));
}

TEST_F(CliTest, StatsAsJson) {
  Answer<v1::GetStatsResponse>("keys { hits: 6 } server { live_calls: 1 }");
  const CliResult result = Cli({"stats", "--json"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, ::testing::HasSubstr("\"hits\":\"6\""));
  // What the transport does not tell is left out.
  EXPECT_THAT(result.out,
              ::testing::Not(::testing::HasSubstr("\"connections\"")));
}

TEST_F(CliTest, StatsOfAnOlderServerAreAnError) {
  script_.Fail(grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "no such method"));
  const CliResult result = Cli({"stats"});
  EXPECT_EQ(result.exit_code, 5);
  EXPECT_EQ(result.out, "");
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
