#include "tests/client/cli/cli_fixture.h"

namespace latchkey::client {
namespace {

TEST_F(CliTest, IncrementPrintsTheNumber) {
  Answer<v1::IncrementResponse>("value: -5 version: 7");

  const CliResult result = Cli({"increment", "k"});

  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "-5\n");
  ExpectAsked<v1::IncrementRequest>("key: 'k' delta: 1");
}

TEST_F(CliTest, IncrementPrintsJson) {
  Answer<v1::IncrementResponse>("value: -5 version: 7");
  EXPECT_EQ(Cli({"increment", "k", "--json"}).out,
            "{\"value\":\"-5\",\"version\":\"7\"}\n");
}

TEST_F(CliTest, IncrementSendsEveryField) {
  Cli({"increment", "k", "-9223372036854775808", "--initial", "0", "--min",
       "-10", "--max", "9223372036854775807", "--ttl", "1s",
       "--idempotency-key", "once"});
  ExpectAsked<v1::IncrementRequest>(
      "key: 'k' delta: -9223372036854775808 initial: 0 min: -10"
      " max: 9223372036854775807 expiration { ttl { seconds: 1 } }"
      " idempotency_key: 'once'");
}

TEST_F(CliTest, IncrementRefusesWhatIsNoNumber) {
  ExpectUsageError({"increment", "k", "9223372036854775808"}, "DELTA: ");
  ExpectUsageError({"increment", "k", "1.5"}, "DELTA: '1.5'");
  ExpectUsageError({"increment", "k", "1", "--min", ""}, "--min: ''");
}

TEST_F(CliTest, TransferSendsEveryField) {
  Answer<v1::TransferResponse>(
      "source_value: 50 destination_value: 150 version: 7");

  const CliResult result =
      Cli({"transfer", "a", "b", "50", "--source-min", "-100",
           "--create-destination", "--idempotency-key", "once"});

  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "source_value=50\ndestination_value=150\nversion=7\n");
  ExpectAsked<v1::TransferRequest>(
      "source_key: 'a' destination_key: 'b' amount: 50 source_min: -100"
      " create_destination: true idempotency_key: 'once'");
}

TEST_F(CliTest, TransferLeavesOutWhatWasNotGiven) {
  Cli({"transfer", "a", "b", "1"});
  ExpectAsked<v1::TransferRequest>(
      "source_key: 'a' destination_key: 'b' amount: 1");
  ExpectUsageError({"transfer", "a", "b"}, "AMOUNT");
  ExpectUsageError({"transfer", "a", "b", "-1"}, "AMOUNT: '-1'");
}

}  // namespace
}  // namespace latchkey::client
