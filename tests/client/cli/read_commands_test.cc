#include <string>

#include "tests/client/cli/cli_fixture.h"

namespace latchkey::client {
namespace {

TEST_F(CliTest, GetPrintsTheValueAsItIs) {
  Answer<v1::GetResponse>(
      R"(entry { key: "k" value: "a\000\n\377" version: 7 })");

  const CliResult result = Cli({"get", "k"});

  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, std::string("a\0\n\xFF", 4));
  EXPECT_EQ(result.err, "");
  ExpectAsked<v1::GetRequest>("key: 'k'");
}

TEST_F(CliTest, GetOfAnEmptyValueIsNoMiss) {
  Answer<v1::GetResponse>("entry { key: 'k' version: 7 }");

  const CliResult result = Cli({"get", "k"});

  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "");
}

TEST_F(CliTest, GetMissIsExitCode1) {
  const CliResult result = Cli({"get", "k"});

  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err, "latchkey: miss\n");
}

TEST_F(CliTest, GetNotModifiedIsExitCode1) {
  Answer<v1::GetResponse>("not_modified: true");

  const CliResult result = Cli({"get", "k", "--if-version-not", "7"});

  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.err, "latchkey: not modified\n");
  ExpectAsked<v1::GetRequest>("key: 'k' if_version_not: 7");
}

TEST_F(CliTest, GetPrintsJson) {
  Answer<v1::GetResponse>(R"(entry { key: "k" value: "\377" version: 7 })");

  const CliResult result = Cli({"get", "k", "--json"});

  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out,
            R"({"entry":{"key_base64":"aw==","key_text":"k",)"
            R"("value_base64":"/w==","version":"7","expire_time":null,)"
            R"("flags":0},"not_modified":false,"lease":null,)"
            R"("expire_time":null})"
            "\n");
}

TEST_F(CliTest, GetMissInJsonIsNull) {
  const CliResult result = Cli({"--json", "get", "k"});

  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out.substr(0, 14), R"({"entry":null,)");
}

TEST_F(CliTest, VerboseGetTellsVersionAndFlags) {
  Answer<v1::GetResponse>("entry { value: 'v' version: 7 flags: 3 }");

  const CliResult result = Cli({"get", "k", "-v"});

  EXPECT_EQ(result.out, "v");
  EXPECT_NE(result.err.find("Get to " + address_ + ": OK in "),
            std::string::npos)
      << result.err;
  EXPECT_NE(result.err.find("version=7 flags=3\n"), std::string::npos)
      << result.err;
}

TEST_F(CliTest, GetTouchesWithAnExpiry) {
  Cli({"get", "k", "--ttl", "90s"});
  ExpectAsked<v1::GetRequest>("key: 'k' touch { ttl { seconds: 90 } }");

  Cli({"get", "k", "--persist"});
  ExpectAsked<v1::GetRequest>("key: 'k' touch {}");
}

TEST_F(CliTest, GetAsksForALease) {
  Answer<v1::GetResponse>("lease { token: 'secret' }");

  const CliResult result =
      Cli({"get", "k", "--lease", "5s", "--refresh-below", "500ms", "--wait"});

  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.err, "latchkey: miss, lease_token=c2VjcmV0\n");
  ExpectAsked<v1::GetRequest>(
      "key: 'k' lease { ttl { seconds: 5 } refresh_below { nanos: 500000000 }"
      "                 wait: true }");
  ExpectUsageError({"get", "k", "--wait"}, "need --lease");
}

TEST_F(CliTest, GetTellsOfALeaseHeldByAnother) {
  Answer<v1::GetResponse>("lease { held_by_other: true }");

  EXPECT_EQ(Cli({"get", "k", "--lease", "5s"}).err,
            "latchkey: miss, leased to another caller\n");
}

TEST_F(CliTest, GetTellsOfALeaseToRefreshAnEntry) {
  Answer<v1::GetResponse>("entry { value: 'v' } lease { token: 'secret' }");

  const CliResult result = Cli({"get", "k", "--lease", "5s"});

  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "v");
  EXPECT_EQ(result.err, "latchkey: lease_token=c2VjcmV0\n");
}

TEST_F(CliTest, BatchGetPrintsALineForEachEntry) {
  Answer<v1::BatchGetResponse>(R"(
      results { entry { key: "a" value: "1\t2\n" } }
      results { entry { key: "b\\" value: "\377" } })");

  const CliResult result = Cli({"batch-get", "a", "b\\"});

  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "a\t1\\t2\\n\nb\\\\\t\\377\n");
  ExpectAsked<v1::BatchGetRequest>(R"(keys: "a" keys: "b\\")");
}

TEST_F(CliTest, BatchGetNamesTheMissesAndIsExitCode1) {
  Answer<v1::BatchGetResponse>("results { entry { key: 'a' } } results {}");

  const CliResult result = Cli({"mget", "--atomic", "a", "b"});

  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "a\t\n");
  EXPECT_EQ(result.err, "latchkey: miss: b\n");
  ExpectAsked<v1::BatchGetRequest>("keys: 'a' keys: 'b' atomic: true");
}

TEST_F(CliTest, ScanPrintsEntriesAndTheWayOn) {
  Answer<v1::ScanResponse>(
      "entries { key: 'a' value: '1' } resume_token: 'next'");

  const CliResult result = Cli({"scan", "pre", "--snapshot", "--page-size",
                                "10", "--resume-token", "dG9rZW4="});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "a\t1\n");
  ExpectAsked<v1::ScanRequest>(
      "prefix: 'pre' consistency: SNAPSHOT page_size: 10"
      " resume_token: 'token'");
}

TEST_F(CliTest, ScanStopsAtItsLimit) {
  Answer<v1::ScanResponse>(
      "entries { key: 'a' value: '1' } entries { key: 'b' value: '2' }"
      "entries { key: 'c' value: '3' } resume_token: 'next'");

  const CliResult result = Cli({"scan", "--limit", "2"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "a\t1\nb\t2\n");
  EXPECT_EQ(result.err, "");
  ExpectAsked<v1::ScanRequest>("");
}

TEST_F(CliTest, ScanNeedsALimitOfOneOrMore) {
  EXPECT_EQ(Cli({"scan", "--limit", "0"}).exit_code, 2);
  EXPECT_EQ(Cli({"scan", "--limit", "x"}).exit_code, 2);
  ExpectNotAsked();
}

TEST_F(CliTest, ScanTellsHowToContinueABrokenStream) {
  Answer<v1::ScanResponse>("entries { key: 'a' } resume_token: 'next'");
  script_.Fail(grpc::Status(grpc::StatusCode::UNAVAILABLE, "draining"));

  const CliResult result = Cli({"scan", "--keys-only"});

  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.out, "a\n");
  EXPECT_EQ(result.err,
            "latchkey: UNAVAILABLE: draining\n"
            "latchkey: continue with --resume-token bmV4dA==\n");
  ExpectAsked<v1::ScanRequest>("keys_only: true");
}

}  // namespace
}  // namespace latchkey::client
