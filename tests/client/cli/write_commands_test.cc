#include <cstdio>
#include <fstream>
#include <string>

#include "tests/client/cli/cli_fixture.h"

namespace latchkey::client {
namespace {

TEST_F(CliTest, PutSendsKeyAndValueAndPrintsTheVersion) {
  Answer<v1::PutResponse>(
      "version: 7 expire_time { seconds: 1900000000 }"
      " previous { key: 'k' value: 'old' version: 6 flags: 1 }");

  const CliResult result = Cli({"put", "k", "v", "--return-previous"});

  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out,
            "version=7\nexpire_time=2030-03-17T17:46:40Z\nprevious.key=k\n"
            "previous.value=old\nprevious.version=6\nprevious.flags=1\n");
  ExpectAsked<v1::PutRequest>("key: 'k' value: 'v' return_previous: true");
}

TEST_F(CliTest, PutReadsTheValueFromTheInput) {
  const std::string bytes("\0\n\xFF", 3);

  EXPECT_EQ(Cli({"put", "k", "-"}, bytes).exit_code, 0);
  ExpectAsked<v1::PutRequest>(R"(key: "k" value: "\000\n\377")");

  EXPECT_EQ(Cli({"put", "k", "--file", "-"}, bytes).exit_code, 0);
  ExpectAsked<v1::PutRequest>(R"(key: "k" value: "\000\n\377")");
}

TEST_F(CliTest, PutReadsTheValueFromAFile) {
  const std::string path = ::testing::TempDir() + "latchkey_put_value";
  std::ofstream(path, std::ios::binary) << std::string("a\0b", 3);

  EXPECT_EQ(Cli({"put", "k", "-f", path}).exit_code, 0);
  std::remove(path.c_str());

  ExpectAsked<v1::PutRequest>(R"(key: "k" value: "a\000b")");
}

TEST_F(CliTest, PutWantsExactlyOneValue) {
  ExpectUsageError({"put", "k"}, "exactly one of VALUE and --file");
  ExpectUsageError({"put", "k", "v", "--file", "-"},
                   "exactly one of VALUE and --file");
  ExpectUsageError({"put", "k", "--file", "/no/such/file"},
                   "cannot read the file '/no/such/file'");
  ExpectUsageError({"put", "k", "--file", "/"}, "cannot read the file '/'");
}

TEST_F(CliTest, PutTakesAnEmptyValue) {
  Cli({"put", "k", ""});
  ExpectAsked<v1::PutRequest>("key: 'k'");
}

TEST_F(CliTest, PutSendsEachExpiry) {
  Cli({"put", "k", "v", "--ttl", "1h30m"});
  ExpectAsked<v1::PutRequest>(
      "key: 'k' value: 'v' expiration { ttl { seconds: 5400 } }");

  Cli({"put", "k", "v", "--expire-at", "2030-03-17T17:46:40.5Z"});
  ExpectAsked<v1::PutRequest>(
      "key: 'k' value: 'v'"
      " expiration { expire_time { seconds: 1900000000 nanos: 500000000 } }");

  Cli({"put", "k", "v", "--keep-ttl"});
  ExpectAsked<v1::PutRequest>("key: 'k' value: 'v' expiration { keep: true }");

  ExpectUsageError({"put", "k", "v", "--ttl", "1h", "--keep-ttl"},
                   "at most one of --ttl");
  ExpectUsageError({"put", "k", "v", "--ttl", "soon"}, "--ttl: 'soon'");
  ExpectUsageError({"put", "k", "v", "--expire-at", "noon"},
                   "--expire-at: 'noon'");
}

// The limits of a ttl are the server's to judge.
TEST_F(CliTest, PutSendsATtlThatTheServerWillRefuse) {
  Cli({"put", "k", "v", "--ttl", "-1s"});
  ExpectAsked<v1::PutRequest>(
      "key: 'k' value: 'v' expiration { ttl { seconds: -1 } }");
}

TEST_F(CliTest, PutSendsEachPrecondition) {
  Cli({"put", "k", "v", "--if-exists"});
  ExpectAsked<v1::PutRequest>(
      "key: 'k' value: 'v' precondition { exists: true }");

  Cli({"put", "k", "v", "--if-missing"});
  ExpectAsked<v1::PutRequest>(
      "key: 'k' value: 'v' precondition { exists: false }");

  Cli({"put", "k", "v", "--if-version", "18446744073709551615"});
  ExpectAsked<v1::PutRequest>(
      "key: 'k' value: 'v' precondition { version: 18446744073709551615 }");

  Cli({"put", "k", "v", "--if-value", ""});
  ExpectAsked<v1::PutRequest>("key: 'k' value: 'v' precondition { value: '' }");

  ExpectUsageError({"put", "k", "v", "--if-exists", "--if-version", "1"},
                   "at most one precondition");
  ExpectUsageError({"put", "k", "v", "--if-version", "0x10"},
                   "--if-version: '0x10'");
}

TEST_F(CliTest, PutSendsFlagsTokenAndIdempotencyKey) {
  Cli({"put", "k", "v", "--flags", "010", "--lease-token",
       "dG9rZW4=", "--idempotency-key", "once"});
  ExpectAsked<v1::PutRequest>(
      "key: 'k' value: 'v' flags: 10 lease_token: 'token'"
      " idempotency_key: 'once'");

  ExpectUsageError({"put", "k", "v", "--idempotency-key", ""},
                   "--idempotency-key: must not be empty");
  ExpectUsageError({"put", "k", "v", "--flags", "4294967296"}, "--flags: ");
  ExpectUsageError({"put", "k", "v", "--lease-token", "?"}, "--lease-token: ");
}

TEST_F(CliTest, DeletePrintsWhatWasRemoved) {
  Answer<v1::DeleteResponse>(
      "deleted: true version: 7 previous { key: 'k' value: 'v' version: 5 }");

  const CliResult result =
      Cli({"delete", "k", "--if-value", "v", "--return-previous",
           "--idempotency-key", "once"});

  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out,
            "deleted=true\nprevious.key=k\nprevious.value=v\n"
            "previous.version=5\nprevious.flags=0\nversion=7\n");
  ExpectAsked<v1::DeleteRequest>(
      "key: 'k' precondition { value: 'v' } return_previous: true"
      " idempotency_key: 'once'");
}

TEST_F(CliTest, DeleteOfAMissingKeyIsExitCode1) {
  const CliResult result = Cli({"delete", "k"});

  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "deleted=false\nversion=0\n");
  ExpectAsked<v1::DeleteRequest>("key: 'k'");
}

TEST_F(CliTest, TouchSendsTheExpiry) {
  Answer<v1::TouchResponse>("touched: true version: 7");

  EXPECT_EQ(
      Cli({"touch", "k", "--ttl", "1s", "--idempotency-key", "once"}).exit_code,
      0);
  ExpectAsked<v1::TouchRequest>(
      "key: 'k' expiration { ttl { seconds: 1 } } idempotency_key: 'once'");

  Cli({"touch", "k", "--persist"});
  ExpectAsked<v1::TouchRequest>("key: 'k' expiration {}");
}

TEST_F(CliTest, TouchOfAMissingKeyIsExitCode1) {
  EXPECT_EQ(Cli({"touch", "k", "--ttl", "1s"}).exit_code, 1);
}

// Otherwise a forgotten option would make the entry permanent.
TEST_F(CliTest, TouchWantsAnExpiry) {
  ExpectUsageError({"touch", "k"}, "touch needs an expiry");
}

TEST_F(CliTest, MoveSendsBothKeysAndPreconditions) {
  Answer<v1::MoveResponse>("version: 7");

  const CliResult result =
      Cli({"move", "a", "b", "--overwrite", "--source-if-version", "3",
           "--destination-if-missing", "--idempotency-key", "once"});

  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "version=7\n");
  ExpectAsked<v1::MoveRequest>(
      "source_key: 'a' destination_key: 'b' overwrite: true"
      " source_precondition { version: 3 }"
      " destination_precondition { exists: false } idempotency_key: 'once'");
}

TEST_F(CliTest, MoveAloneHasNoPreconditions) {
  Cli({"move", "a", "b"});
  ExpectAsked<v1::MoveRequest>("source_key: 'a' destination_key: 'b'");
}

}  // namespace
}  // namespace latchkey::client
