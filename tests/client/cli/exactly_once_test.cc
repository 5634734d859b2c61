// What `latchkey` does about copies that are shed, lost or late, and what it
// says of a write that failed.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "tests/client/cli/cli_fixture.h"
#include "tests/client/lib/fake_cache.h"

namespace latchkey::client {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ExactlyOnceTest : public ::testing::Test {
 protected:
  CliResult Cli(const std::vector<std::string>& arguments,
                const std::string& input = "") {
    std::vector<std::string> all = {"--server", cache_.address(), "--timeout",
                                    "60s"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return RunProgram(all, input);
  }

  // The idempotency key of the only logical write, the same on each of its
  // `copies`.
  std::string KeyOf(const std::string& rpc, size_t copies) {
    const std::vector<Seen> seen = cache_.SeenOf(rpc);
    EXPECT_THAT(seen, SizeIs(copies));
    if (seen.empty()) return "";
    for (const Seen& copy : seen) {
      EXPECT_EQ(copy.idempotency_key, seen[0].idempotency_key);
    }
    return seen[0].idempotency_key;
  }

  std::string UnknownWords(const std::string& key) {
    return "latchkey: outcome unknown: it may have been applied; ask "
           "`latchkey get-outcome --server " +
           cache_.address() + " --stamp=stamp-1 " + key + "`\n";
  }

  FakeCache cache_;
};

TEST_F(ExactlyOnceTest, AShedWriteIsSentAgainUnderItsKeyAndStamp) {
  cache_.Script("Put", {Overloaded("1"), Unavailable(), {}});

  const CliResult result = Cli({"put", "k", "v", "-v"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  const std::string key = KeyOf("Put", 3);
  EXPECT_THAT(key, IsMadeKey());
  for (const Seen& copy : cache_.SeenOf("Put")) {
    EXPECT_EQ(copy.stamp, "stamp-1");
  }
  EXPECT_THAT(result.err, EndsWith(", attempts=3 replayed=false "
                                   "idempotency_key=" +
                                   key + "\n"));
}

TEST_F(ExactlyOnceTest, EachWriteHasAKeyOfItsOwn) {
  Cli({"put", "a", "v"});
  Cli({"put", "b", "v"});
  const std::vector<Seen> seen = cache_.SeenOf("Put");
  ASSERT_THAT(seen, SizeIs(2));
  EXPECT_NE(seen[0].idempotency_key, seen[1].idempotency_key);
}

TEST_F(ExactlyOnceTest, AGivenKeyIsKept) {
  cache_.Script("Increment", {Overloaded("1"), {}});
  EXPECT_EQ(Cli({"increment", "k", "--idempotency-key", "once"}).exit_code, 0);
  EXPECT_EQ(KeyOf("Increment", 2), "once");

  Cli({"transact", "-"}, R"({"idempotencyKey": "b25jZQ=="})");
  EXPECT_EQ(KeyOf("Transact", 1), "once");
}

TEST_F(ExactlyOnceTest, VerboseTellsOfAReplay) {
  Answer replay;
  replay.trailers["latchkey-replayed"] = "1";
  cache_.Script("Delete", {Unavailable(), replay});
  EXPECT_THAT(Cli({"delete", "k", "-v"}).err,
              HasSubstr(", attempts=2 replayed=true idempotency_key="));
}

TEST_F(ExactlyOnceTest, AReadIsSentAgainAndTellsOfNoOutcome) {
  cache_.Script("Get", {Unavailable(), {}});
  const CliResult found = Cli({"get", "k", "-v"});
  EXPECT_THAT(found.err, HasSubstr(": OK in "));
  EXPECT_THAT(found.err, HasSubstr(", attempts=2\n"));

  cache_.Script("Get", {Unavailable()});
  const CliResult failed = Cli({"get", "k", "--no-retry"});
  EXPECT_EQ(failed.exit_code, 3);
  EXPECT_EQ(failed.err, "latchkey: UNAVAILABLE: scripted\n");
}

TEST_F(ExactlyOnceTest, AScanIsSentAgain) {
  cache_.Script("Scan", {Unavailable(), {.pages = 1}});
  EXPECT_EQ(Cli({"scan"}).exit_code, 0);
  EXPECT_THAT(cache_.SeenOf("Scan"), SizeIs(2));
}

TEST_F(ExactlyOnceTest, WithNoRetryOneCopyIsSent) {
  cache_.Script("Put", {Overloaded("1"), {}});

  const CliResult result = Cli({"put", "k", "v", "--no-retry"});

  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(cache_.SeenOf("Put"), SizeIs(1));
  EXPECT_EQ(result.err,
            "latchkey: UNAVAILABLE OVERLOADED: scripted (applied=no)\n"
            "latchkey: not applied: this command changed nothing\n");
}

TEST_F(ExactlyOnceTest, AWriteThatCouldNotBeSentIsNotApplied) {
  cache_.Script("GetOutcome", {Unavailable()});

  const CliResult result = Cli({"put", "k", "v", "--no-retry", "--json"});

  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(cache_.SeenOf("Put"), IsEmpty());
  EXPECT_THAT(result.out, HasSubstr(R"("outcome":"not_applied")"));
  EXPECT_THAT(result.out, HasSubstr(R"("attempts":0)"));
}

TEST_F(ExactlyOnceTest, AWriteWithoutAnAnswerIsUnknownAndTellsItsKey) {
  cache_.Script("Put", {Unavailable()});

  const CliResult result = Cli({"put", "k", "v", "--no-retry", "--json"});

  EXPECT_EQ(result.exit_code, 3);
  const std::string key = KeyOf("Put", 1);
  EXPECT_EQ(result.err,
            "latchkey: UNAVAILABLE: scripted\n" + UnknownWords(key));
  EXPECT_THAT(result.out,
              EndsWith(R"("metadata":{},"outcome":"unknown",)"
                       R"("idempotency_key":")" +
                       key + R"(","stamp":"stamp-1","attempts":1}})" + "\n"));
}

// Of the copies, only the last one said that it was not applied.
TEST_F(ExactlyOnceTest, AWriteIsUnknownIfAnyOfItsCopiesIs) {
  cache_.Script("Put", {Unavailable(), Overloaded("-1")});
  const CliResult result = Cli({"put", "k", "v"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, EndsWith(UnknownWords(KeyOf("Put", 2))));
}

TEST_F(ExactlyOnceTest, ALateWriteIsUnknownAndExitCode4) {
  cache_.Script("Put", {{.status = {grpc::StatusCode::DEADLINE_EXCEEDED, ""}}});
  const CliResult result = Cli({"put", "k", "v", "--idempotency-key", "once"});
  EXPECT_EQ(result.exit_code, 4) << result.err;
  EXPECT_EQ(KeyOf("Put", 1), "once");
  EXPECT_THAT(result.err, EndsWith(UnknownWords("once")));
}

TEST_F(ExactlyOnceTest, AnUnknownOutcomeIsNeverARefusal) {
  cache_.Script("Put",
                {{.status = MakeStatus(grpc::StatusCode::FAILED_PRECONDITION,
                                       "INCARNATION_CHANGED", "unknown")}});
  const CliResult result = Cli({"put", "k", "v"});
  EXPECT_EQ(result.exit_code, 5);
  EXPECT_THAT(result.err, EndsWith(UnknownWords(KeyOf("Put", 1))));
}

TEST_F(ExactlyOnceTest, AServerThatIsTheUsualOneIsNotNamed) {
  cache_.Script("Put", {Unavailable()});
  setenv("LATCHKEY_SERVER", cache_.address().c_str(), 1);
  const CliResult result =
      RunProgram({"put", "k", "v", "--no-retry", "--timeout", "60s"});
  unsetenv("LATCHKEY_SERVER");
  EXPECT_THAT(result.err, HasSubstr("`latchkey get-outcome --stamp=stamp-1 " +
                                    KeyOf("Put", 1) + "`"));
}

TEST_F(ExactlyOnceTest, GetOutcomeSendsTheStampOfTheWrite) {
  Cli({"get-outcome", "--stamp=stamp-1", "--fence", "once"});
  Cli({"get-outcome", "once"});
  const std::vector<Seen> seen = cache_.SeenOf("GetOutcome");
  ASSERT_THAT(seen, SizeIs(2));
  EXPECT_EQ(seen[0].stamp, "stamp-1");
  EXPECT_EQ(seen[1].stamp, "?");
}

// The outcome of the write is as unknown as before.
TEST_F(ExactlyOnceTest, AForgottenOutcomeIsUnknownAndExitCode5) {
  cache_.Script("GetOutcome",
                {{.status = MakeStatus(grpc::StatusCode::FAILED_PRECONDITION,
                                       "IDEMPOTENCY_KEY_EXPIRED", "unknown")}});
  const CliResult result =
      Cli({"get-outcome", "--stamp=stamp-1", "--fence", "once"});
  EXPECT_EQ(result.exit_code, 5);
  EXPECT_THAT(result.err, HasSubstr("IDEMPOTENCY_KEY_EXPIRED"));
}

TEST_F(ExactlyOnceTest, AHedgeAnswersForACopyThatHangs) {
  cache_.Script("Put", {Held(), {}});
  const CliResult result = Cli({"put", "k", "v", "--hedge", "10ms", "-v"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(KeyOf("Put", 2), IsMadeKey());
  EXPECT_THAT(result.err, HasSubstr(", attempts=2 "));
}

TEST_F(ExactlyOnceTest, ThereIsNoHedgeWithoutTheOption) {
  cache_.Script("Put", {Held(), {}});
  const CliResult result = RunProgram(
      {"--server", cache_.address(), "--timeout", "300ms", "put", "k", "v"});
  EXPECT_EQ(result.exit_code, 4) << result.err;
  // None where the machine was too slow.
  EXPECT_LE(cache_.SeenOf("Put").size(), 1u);
}

TEST_F(ExactlyOnceTest, AReadThatTouchesIsSentOnceAndCanBeUnknown) {
  cache_.Script("Get", {Unavailable(), {}});
  const CliResult result = Cli({"get", "k", "--ttl", "1h"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(cache_.SeenOf("Get"), SizeIs(1));
  EXPECT_EQ(result.err,
            "latchkey: UNAVAILABLE: scripted\n"
            "latchkey: outcome unknown: it may have been applied\n");
}

}  // namespace
}  // namespace latchkey::client
