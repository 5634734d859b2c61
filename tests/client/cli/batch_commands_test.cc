#include <string>

#include "tests/client/cli/cli_fixture.h"

namespace latchkey::client {
namespace {

TEST_F(CliTest, BatchPutSendsThePairs) {
  Answer<v1::BatchPutResponse>("results { version: 7 } results { version: 7 }");

  const CliResult result = Cli({"batch-put", "a=1", "b=x=y", "--ttl", "1s",
                                "--flags", "3", "--idempotency-key", "once"});

  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "results[0].version=7\nresults[1].version=7\n");
  ExpectAsked<v1::BatchPutRequest>(
      "puts { key: 'a' value: '1' flags: 3 expiration { ttl { seconds: 1 } } }"
      "puts { key: 'b' value: 'x=y' flags: 3"
      "       expiration { ttl { seconds: 1 } } }"
      "idempotency_key: 'once'");
}

TEST_F(CliTest, BatchPutReadsJsonLinesBehindThePairs) {
  const std::string lines =
      "{\"key\": \"Yg==\", \"value\": \"Mg==\", \"flags\": 5}\n"
      "\n"
      "{\"key\": \"Yw==\", \"expiration\": {\"ttl\": \"1.5s\"}}\n";

  EXPECT_EQ(
      Cli({"batch-put", "a=1", "--ttl", "1s", "--file", "-"}, lines).exit_code,
      0);
  ExpectAsked<v1::BatchPutRequest>(
      "puts { key: 'a' value: '1' expiration { ttl { seconds: 1 } } }"
      "puts { key: 'b' value: '2' flags: 5 }"
      "puts { key: 'c' expiration { ttl { seconds: 1 nanos: 500000000 } } }");
}

TEST_F(CliTest, BatchPutRefusesWhatIsNoEntry) {
  ExpectUsageError({"batch-put"}, "nothing to put");
  ExpectUsageError({"batch-put", "a"}, "'a' is not KEY=VALUE");
  ExpectUsageError({"batch-put", "-f", "-"}, "line 2: not a PutRequest",
                   "{}\n{\"nosuch\": 1}\n");
}

TEST_F(CliTest, BatchDeleteSendsTheKeys) {
  Answer<v1::BatchDeleteResponse>(
      "results { deleted: true } results { deleted: true }");

  EXPECT_EQ(Cli({"batch-delete", "a", "b", "--return-previous",
                 "--idempotency-key", "once"})
                .exit_code,
            0);
  ExpectAsked<v1::BatchDeleteRequest>(
      "deletes { key: 'a' return_previous: true }"
      "deletes { key: 'b' return_previous: true } idempotency_key: 'once'");
}

TEST_F(CliTest, BatchDeleteWithAMissingKeyIsExitCode1) {
  Answer<v1::BatchDeleteResponse>("results { deleted: true } results {}");
  EXPECT_EQ(Cli({"batch-delete", "a", "b"}).exit_code, 1);
}

TEST_F(CliTest, TransactSendsTheJson) {
  Answer<v1::TransactResponse>(
      "succeeded: true version: 7 results { increment { value: 1 } }");

  const CliResult result =
      Cli({"transact", "-", "--idempotency-key", "once"},
          R"({"compares": [{"key": "YQ==", "precondition": {"exists": true}}],
          "onSuccess": [{"increment": {"key": "Yg==", "delta": 1}}],
          "on_failure": [{"delete": {"key": "Yw=="}}]})");

  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out,
            "succeeded=true\nresults[0].increment.value=1\n"
            "results[0].increment.version=0\nversion=7\n");
  ExpectAsked<v1::TransactRequest>(
      "compares { key: 'a' precondition { exists: true } }"
      "on_success { increment { key: 'b' delta: 1 } }"
      "on_failure { delete { key: 'c' } } idempotency_key: 'once'");
}

TEST_F(CliTest, TransactWhoseComparesFailIsExitCode1) {
  EXPECT_EQ(Cli({"transact", "-"}, "{}").exit_code, 1);
}

TEST_F(CliTest, TransactRefusesWhatIsNoTransaction) {
  ExpectUsageError({"transact", "-"}, "not a TransactRequest in JSON",
                   "{\"puts\": []}");
  ExpectUsageError({"transact", "-"}, "not a TransactRequest in JSON", "{");
  ExpectUsageError({"transact"}, "FILE");
}

}  // namespace
}  // namespace latchkey::client
