// Whole runs against a server that is honest, lies, or is not there, in virtual
// time.

#include "client/load/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "client/lib/call_error.h"
#include "client/load/report.h"
#include "tests/client/load/fake_cache.h"
#include "tests/client/load/virtual_engine.h"

namespace latchkey::load {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Key;

// Fits one that takes 1 ms for everything.
VirtualEngine::Server Behind(FakeCache& cache) {
  return [&cache](Method method, const std::string& request, Nanos now) {
    Reply reply = {.at = now + kNanosPerMilli};
    const grpc::Status status = cache.Handle(method, request, &reply.response);
    if (!status.ok()) reply.error = client::DecodeCallError(status);
    return reply;
  };
}

Options SmallRun(const std::string& mix) {
  Options options;
  options.mix = *ParseMix(mix);
  options.keys = 300;
  options.accounts = 20;
  options.initial_balance = 1'000;
  options.warm_up = 100 * kNanosPerMilli;
  options.requests = 5'000;
  return options;
}

RunResult RunAgainst(FakeCache& cache, const Options& options) {
  const std::atomic<bool> stop = false;
  VirtualEngine engine(16, Behind(cache));
  return RunLoad(options, engine, {}, stop);
}

// The counts of one kind of operation.
uint64_t Operations(const RunResult& result, OperationKind kind) {
  return result.measured.latency[static_cast<size_t>(kind)].count();
}

class HonestServerTest : public testing::TestWithParam<const char*> {};

TEST_P(HonestServerTest, PassesVerification) {
  FakeCache cache;
  const RunResult result = RunAgainst(cache, SmallRun(GetParam()));
  EXPECT_EQ(result.ending, Ending::kComplete);
  EXPECT_EQ(result.ExitCode(), kExitOk) << FormatTable(result);
  EXPECT_THAT(result.measured.failures, IsEmpty());
  EXPECT_EQ(result.measured.AllLatencies().count(), 5'000u);
  EXPECT_EQ(result.measured.error_count, 0u);
  EXPECT_EQ(result.measured.misses, 0u);
}

INSTANTIATE_TEST_SUITE_P(Mixes, HonestServerTest,
                         testing::Values("get", "put", "mixed:1/1", "ycsb-a",
                                         "ycsb-b", "ycsb-c", "ycsb-f",
                                         "transfer"));

TEST(RunnerTest, PreloadsEveryKey) {
  FakeCache cache;
  const RunResult result = RunAgainst(cache, SmallRun("get"));
  EXPECT_EQ(cache.size(), 300u);
  EXPECT_EQ(result.measured.values_verified, 5'000u);
}

TEST(RunnerTest, PreloadsLargeValuesInSmallBatches) {
  FakeCache cache;
  Options options = SmallRun("get");
  options.keys = 10;
  options.warm_up = 0;
  options.requests = 10;
  options.value_bytes = {100, 1'048'576};
  EXPECT_EQ(RunAgainst(cache, options).ExitCode(), kExitOk);
  EXPECT_LT(cache.largest_batch(), 3u * 1'024 * 1'024);
}

TEST(RunnerTest, MixesReadsAndWritesAsAsked) {
  FakeCache cache;
  Options options = SmallRun("ycsb-b");
  options.requests = 20'000;
  const RunResult result = RunAgainst(cache, options);
  EXPECT_NEAR(static_cast<double>(Operations(result, OperationKind::kPut)),
              1'000, 160);
  EXPECT_EQ(Operations(result, OperationKind::kPut) +
                Operations(result, OperationKind::kGet),
            20'000u);
}

TEST(RunnerTest, ReadModifyWritesTakeTwoCallsAndMeetConflicts) {
  FakeCache cache;
  Options options = SmallRun("ycsb-f");
  options.keys = 3;
  const RunResult result = RunAgainst(cache, options);
  const uint64_t changes = Operations(result, OperationKind::kReadModifyWrite);
  EXPECT_GT(result.measured.conflicts, 0u);
  EXPECT_EQ(result.measured.calls, Operations(result, OperationKind::kGet) +
                                       2 * changes +
                                       2 * result.measured.conflicts);
}

TEST(RunnerTest, RunsForItsDuration) {
  FakeCache cache;
  Options options = SmallRun("get");
  options.requests = 0;
  options.duration = 2 * kNanosPerSecond;
  const RunResult result = RunAgainst(cache, options);
  EXPECT_EQ(result.measured.calls, 16u * 2'000);
  EXPECT_EQ(result.elapsed, 2 * kNanosPerSecond);
}

TEST(RunnerTest, RunsAnOpenLoop) {
  FakeCache cache;
  Options options = SmallRun("get");
  options.requests = 0;
  options.duration = 2 * kNanosPerSecond;
  options.rate = 1'500;
  const RunResult result = RunAgainst(cache, options);
  EXPECT_EQ(result.measured.calls, 3'000u);
  EXPECT_EQ(result.measured.not_sent, 0u);
}

TEST(RunnerTest, ChecksEachBalanceAndTheTotal) {
  FakeCache cache;
  const RunResult result = RunAgainst(cache, SmallRun("transfer"));
  EXPECT_EQ(result.total, 20'000);
  EXPECT_EQ(result.total_expected, 20'000);
  EXPECT_TRUE(result.balances_checked);
  EXPECT_GT(Operations(result, OperationKind::kTransfer), 4'000u);
  EXPECT_GT(Operations(result, OperationKind::kAtomicRead), 300u);
}

TEST(RunnerTest, MoreAccountsThanOneReadHoldsAreAuditedInParts) {
  FakeCache cache;
  Options options = SmallRun("transfer");
  options.accounts = 1'000;
  const RunResult result = RunAgainst(cache, options);
  EXPECT_EQ(result.total, 1'000'000);
  EXPECT_TRUE(result.balances_checked);
  EXPECT_EQ(result.ExitCode(), kExitOk);
}

TEST(RunnerTest, RefusedTransfersAreNoErrors) {
  FakeCache cache;
  Options options = SmallRun("transfer");
  options.initial_balance = 60;
  const RunResult result = RunAgainst(cache, options);
  EXPECT_GT(result.measured.refused_transfers, 0u);
  EXPECT_EQ(result.measured.error_count, 0u);
  EXPECT_EQ(result.ExitCode(), kExitOk);
}

TEST(RunnerTest, ALostAnswerLeavesOnlyTheTotalToCheck) {
  FakeCache cache(Lie::kLosesTransferAnswers);
  Options options = SmallRun("transfer");
  options.errors_max.reset();
  const RunResult result = RunAgainst(cache, options);
  EXPECT_GT(result.measured.unanswered, 0u);
  EXPECT_FALSE(result.balances_checked);
  EXPECT_EQ(result.total, 20'000);
  EXPECT_EQ(result.ExitCode(), kExitOk) << FormatTable(result);
}

struct Liar {
  Lie lie;
  const char* mix;
  // How the failure is called.
  const char* failure;
};

class LyingServerTest : public testing::TestWithParam<Liar> {};

TEST_P(LyingServerTest, IsCaught) {
  FakeCache cache(GetParam().lie);
  const RunResult result = RunAgainst(cache, SmallRun(GetParam().mix));
  std::map<std::string, Sample> failures = result.measured.failures;
  failures.insert(result.audit.failures.begin(), result.audit.failures.end());
  EXPECT_THAT(failures, Contains(Key(GetParam().failure)));
  EXPECT_EQ(result.ExitCode(), kExitFailed);
  EXPECT_THAT(FormatTable(result), HasSubstr(GetParam().failure));
}

INSTANTIATE_TEST_SUITE_P(
    Lies, LyingServerTest,
    testing::Values(
        Liar{Lie::kFlipsABit, "get", "value with a wrong checksum"},
        Liar{Lie::kSwapsValues, "get", "value of another key"},
        Liar{Lie::kSwapsKeys, "get", "entry of another key"},
        Liar{Lie::kMisses, "get", "missing entry"},
        Liar{Lie::kSendsGarbage, "get", "answer that is no message"},
        Liar{Lie::kLosesWrites, "ycsb-a", "lost write"},
        Liar{Lie::kLosesWrites, "ycsb-f", "lost write"},
        Liar{Lie::kFlipsABit, "ycsb-f", "value with a wrong checksum"},
        Liar{Lie::kMisses, "transfer", "missing account"},
        Liar{Lie::kSwapsKeys, "transfer", "entry of another key"},
        Liar{Lie::kLosesTransfers, "transfer", "wrong balance"},
        Liar{Lie::kLosesTransfers, "transfer", "lost transfer"},
        Liar{Lie::kHalvesTransfers, "transfer", "wrong total"},
        Liar{Lie::kDoublesTransfers, "transfer", "wrong balance"},
        Liar{Lie::kTearsAtomicReads, "transfer", "wrong total"}));

TEST(RunnerTest, MissesAreNoFailuresWhereEntriesExpire) {
  FakeCache cache(Lie::kMisses);
  Options options = SmallRun("ycsb-b");
  options.ttl = kNanosPerSecond;
  const RunResult result = RunAgainst(cache, options);
  EXPECT_GT(result.measured.misses, 0u);
  EXPECT_EQ(result.ExitCode(), kExitOk);
}

TEST(RunnerTest, ErrorsAreToldAndCountedAgainstTheirLimit) {
  Options options = SmallRun("put");
  FakeCache strict(Lie::kRefusesWrites);
  const RunResult refused = RunAgainst(strict, options);
  EXPECT_EQ(refused.ExitCode(), kExitFailed);
  const auto found =
      refused.measured.errors.find({"RESOURCE_EXHAUSTED", "OUT_OF_MEMORY"});
  ASSERT_NE(found, refused.measured.errors.end());
  EXPECT_EQ(found->second.count, 100u);

  options.errors_max = 100;
  FakeCache tolerated(Lie::kRefusesWrites);
  EXPECT_EQ(RunAgainst(tolerated, options).ExitCode(), kExitOk);
  options.errors_max = 99;
  FakeCache too_many(Lie::kRefusesWrites);
  EXPECT_EQ(RunAgainst(too_many, options).ExitCode(), kExitFailed);
}

TEST(RunnerTest, SaysSoWhereTheServerCannotBeReached) {
  FakeCache cache;
  const std::atomic<bool> stop = false;
  VirtualEngine engine(16, Behind(cache));
  engine.connect_status = absl::UnavailableError("nobody there");
  const RunResult result = RunLoad(SmallRun("get"), engine, {}, stop);
  EXPECT_EQ(result.ExitCode(), kExitUnavailable);
  EXPECT_THAT(EndingMessage(result), HasSubstr("nobody there"));
  EXPECT_EQ(engine.calls(), 0u);
}

// Answers `answered` calls and then no more.
VirtualEngine::Server DyingAfter(FakeCache& cache, int answered) {
  return [&cache, left = answered](Method method, const std::string& request,
                                   Nanos now) mutable {
    if (left-- > 0) return Behind(cache)(method, request, now);
    Reply reply = {.at = now + kNanosPerMilli};
    reply.error = client::DecodeCallError(
        grpc::Status(grpc::StatusCode::UNAVAILABLE, "connection refused"));
    return reply;
  };
}

TEST(RunnerTest, EndsWhenTheServerDiesInTheMeasurement) {
  for (const char* mix : {"ycsb-b", "transfer"}) {
    FakeCache cache;
    const std::atomic<bool> stop = false;
    VirtualEngine engine(16, DyingAfter(cache, 4'000));
    const RunResult result = RunLoad(SmallRun(mix), engine, {}, stop);
    EXPECT_TRUE(result.measuring);
    EXPECT_EQ(result.ExitCode(), kExitUnavailable);
    EXPECT_THAT(EndingMessage(result), HasSubstr("connection refused"));
    EXPECT_THAT(FormatTable(result), HasSubstr("UNAVAILABLE"));
  }
}

TEST(RunnerTest, EndsAtOnceWhenTheServerDiesInThePreload) {
  FakeCache cache;
  const std::atomic<bool> stop = false;
  VirtualEngine engine(1, DyingAfter(cache, 1));
  const RunResult result = RunLoad(SmallRun("get"), engine, {}, stop);
  EXPECT_FALSE(result.measuring);
  EXPECT_EQ(result.ExitCode(), kExitUnavailable);
  EXPECT_EQ(engine.calls(), 2u);
}

TEST(RunnerTest, APreloadThatIsRefusedFails) {
  const std::atomic<bool> stop = false;
  VirtualEngine engine(1, [](Method, const std::string&, Nanos now) {
    Reply reply = {.at = now};
    reply.error = client::CallError{.code = grpc::StatusCode::UNIMPLEMENTED,
                                    .code_name = "UNIMPLEMENTED",
                                    .message = "not here",
                                    .reason = "NOT_IMPLEMENTED",
                                    .metadata = {},
                                    .field = ""};
    return reply;
  });
  const RunResult result = RunLoad(SmallRun("get"), engine, {}, stop);
  EXPECT_EQ(result.ending, Ending::kPreloadFailed);
  EXPECT_EQ(result.ExitCode(), kExitFailed);
  EXPECT_THAT(EndingMessage(result), HasSubstr("not here"));
}

// Sheds the first `shed` calls.
VirtualEngine::Server SheddingFirst(FakeCache& cache, int shed) {
  return [&cache, left = shed](Method method, const std::string& request,
                               Nanos now) mutable {
    if (left-- <= 0) return Behind(cache)(method, request, now);
    Reply reply = {.at = now + kNanosPerMilli};
    reply.error = client::DecodeCallError(
        grpc::Status(grpc::StatusCode::UNAVAILABLE, "busy"));
    reply.error->reason = "OVERLOADED";
    return reply;
  };
}

TEST(RunnerTest, APreloadSurvivesAServerThatSheds) {
  FakeCache cache;
  const std::atomic<bool> stop = false;
  VirtualEngine engine(16, SheddingFirst(cache, 100));
  const RunResult result = RunLoad(SmallRun("get"), engine, {}, stop);
  EXPECT_EQ(result.ending, Ending::kComplete);
  EXPECT_EQ(cache.size(), 300u);
  EXPECT_EQ(result.measured.misses, 0u);
  EXPECT_EQ(result.ExitCode(), kExitOk);
}

TEST(RunnerTest, APreloadEndsWhereTheServerShedsForEver) {
  FakeCache cache;
  const std::atomic<bool> stop = false;
  VirtualEngine engine(16, SheddingFirst(cache, INT32_MAX));
  const RunResult result = RunLoad(SmallRun("get"), engine, {}, stop);
  EXPECT_EQ(result.ending, Ending::kPreloadFailed);
  EXPECT_THAT(EndingMessage(result), HasSubstr("OVERLOADED"));
}

TEST(RunnerTest, AnInterruptedRunReportsAndIsAudited) {
  FakeCache cache;
  std::atomic<bool> stop = false;
  int calls = 0;
  VirtualEngine engine(
      16, [&](Method method, const std::string& request, Nanos now) {
        // In the measurement: preload and warm-up take fewer.
        if (++calls == 3'000) stop = true;
        return Behind(cache)(method, request, now);
      });
  const RunResult result = RunLoad(SmallRun("transfer"), engine, {}, stop);
  EXPECT_EQ(result.ending, Ending::kInterrupted);
  EXPECT_TRUE(result.measuring);
  EXPECT_LT(result.measured.calls, 3'000u);
  EXPECT_EQ(result.total, result.total_expected);
  EXPECT_EQ(result.ExitCode(), kExitOk);
}

TEST(RunnerTest, ARunInterruptedBeforeItMeasuredHasFailed) {
  FakeCache cache;
  const std::atomic<bool> stop = true;
  VirtualEngine engine(16, Behind(cache));
  const RunResult result = RunLoad(SmallRun("get"), engine, {}, stop);
  EXPECT_EQ(result.ending, Ending::kInterrupted);
  EXPECT_EQ(result.ExitCode(), kExitFailed);
}

TEST(RunnerTest, RepeatsFromTheSeed) {
  Options options = SmallRun("ycsb-a");
  FakeCache one;
  FakeCache same;
  FakeCache other;
  const RunResult first = RunAgainst(one, options);
  const RunResult second = RunAgainst(same, options);
  options.seed = 2;
  const RunResult third = RunAgainst(other, options);
  EXPECT_EQ(Operations(first, OperationKind::kPut),
            Operations(second, OperationKind::kPut));
  EXPECT_NE(Operations(first, OperationKind::kPut),
            Operations(third, OperationKind::kPut));
}

TEST(ProgressLineTest, SaysWhatASecondBrought) {
  std::ostringstream out;
  {
    ProgressLine line({.out = &out}, "measure");
    line.Tick(1'500, 0);
    line.Tick(4'000, 2);
  }
  EXPECT_EQ(out.str(),
            "measure  1 s  1,500 operations/s  1,500 in all  0 errors\n"
            "measure  2 s  2,500 operations/s  4,000 in all  2 errors\n");
}

TEST(ProgressLineTest, ErasesItselfOnATerminal) {
  std::ostringstream out;
  {
    ProgressLine line({.out = &out, .in_place = true}, "preload");
    line.Tick(1, 0);
  }
  EXPECT_THAT(out.str(), testing::StartsWith("\r\x1b[K"
                                             "preload  1 s"));
  EXPECT_THAT(out.str(), testing::EndsWith("\r\x1b[K"));
  EXPECT_THAT(out.str(), testing::Not(HasSubstr("\n")));
}

}  // namespace
}  // namespace latchkey::load
