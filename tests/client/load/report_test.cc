#include "client/load/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace latchkey::load {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

// 1,000 gets of 100 us and 10 errors in 2 s.
RunResult SmallResult(const std::string& mix) {
  RunResult result;
  result.options.mix = *ParseMix(mix);
  result.measuring = true;
  result.elapsed = 2 * kNanosPerSecond;
  for (int i = 0; i < 1'000; ++i) {
    result.measured.latency[static_cast<size_t>(OperationKind::kGet)].Record(
        100 * kNanosPerMicro);
  }
  result.measured.calls = 1'010;
  client::CallError error;
  error.code = grpc::StatusCode::UNAVAILABLE;
  error.code_name = "UNAVAILABLE";
  error.reason = "OVERLOADED";
  error.message = "later \xff please";
  for (int i = 0; i < 10; ++i) result.measured.CountError(error);
  result.measured.values_verified = 1'000;
  result.client_cpu = {10'100'000, 10'100'000};
  return result;
}

TEST(ReportTest, TableShowsWhatWasMeasured) {
  const std::string table = FormatTable(SmallResult("get"));
  EXPECT_THAT(table, HasSubstr("get against 127.0.0.1:7411"));
  EXPECT_THAT(table, HasSubstr("closed loop"));
  EXPECT_THAT(table, HasSubstr("p99.99"));
  EXPECT_THAT(table, HasSubstr("  100.0"));
  EXPECT_THAT(table, HasSubstr("        500"));
  EXPECT_THAT(table, HasSubstr("10 x UNAVAILABLE OVERLOADED"));
  EXPECT_THAT(table, HasSubstr("1,000 values, 0 failures"));
  EXPECT_THAT(table, HasSubstr("20.00 us per request"));
  // What does not belong to this run is not there.
  EXPECT_THAT(table, Not(HasSubstr("server CPU")));
  EXPECT_THAT(table, Not(HasSubstr("not sent in time")));
  EXPECT_THAT(table, Not(HasSubstr("conflicts")));
  EXPECT_THAT(table, Not(HasSubstr("total")));
}

TEST(ReportTest, TableShowsServerCpuPerRequest) {
  RunResult result = SmallResult("get");
  result.options.server_pid = 77;
  EXPECT_THAT(FormatTable(result), HasSubstr("process 77 ended"));
  result.server_cpu = CpuTime{20'200'000, 5'050'000};
  EXPECT_THAT(FormatTable(result), HasSubstr("25.00 us per request"));
}

TEST(ReportTest, TableShowsWhatAnOpenLoopDidNotSend) {
  RunResult result = SmallResult("get");
  result.options.rate = 600;
  result.measured.not_sent = 190;
  const std::string table = FormatTable(result);
  EXPECT_THAT(table, HasSubstr("open loop at 600 requests/s"));
  EXPECT_THAT(table, testing::ContainsRegex("not sent in time +190\n"));
}

TEST(ReportTest, TableShowsTheTotalOfTransfers) {
  RunResult result = SmallResult("transfer");
  result.total_expected = 1'000;
  EXPECT_THAT(FormatTable(result), HasSubstr("could not be verified"));
  result.total = 1'000;
  result.balances_checked = true;
  EXPECT_THAT(FormatTable(result),
              HasSubstr("1000, as at the start; each balance checked"));
  result.total = 990;
  EXPECT_THAT(FormatTable(result), HasSubstr("990, but 1000 at the start"));
}

TEST(ReportTest, TableIsEmptyWhereNothingWasMeasured) {
  RunResult result;
  result.ending = Ending::kUnavailable;
  EXPECT_EQ(FormatTable(result), "");
}

TEST(ReportTest, JsonHoldsOptionsAndNumbers) {
  RunResult result = SmallResult("ycsb-f");
  result.options.seed = 99;
  result.options.server_pid = 77;
  result.server_cpu = CpuTime{20'200'000, 5'050'000};
  result.measured.CountFailure("lost write", "k1");
  const json report = json::parse(FormatJson(result));
  EXPECT_EQ(report["options"]["seed"], 99);
  EXPECT_EQ(report["options"]["mix"], "ycsb-f");
  EXPECT_EQ(report["options"]["loop"], "closed");
  EXPECT_EQ(report["options"]["duration_ns"], 10 * kNanosPerSecond);
  EXPECT_EQ(report["ending"], "complete");
  EXPECT_EQ(report["exit_code"], 1);
  EXPECT_EQ(report["requests"], 1'010);
  EXPECT_EQ(report["latency"]["all"]["operations"], 1'000);
  EXPECT_EQ(report["latency"]["all"]["operations_per_second"], 500.0);
  EXPECT_EQ(report["latency"]["get"]["p99.99_ns"], 100'000);
  EXPECT_FALSE(report["latency"].contains("put"));
  EXPECT_EQ(report["errors"][0]["reason"], "OVERLOADED");
  EXPECT_EQ(report["errors"][0]["count"], 10);
  EXPECT_EQ(report["verification"]["failures"], 1);
  EXPECT_EQ(report["verification"]["by_sort"][0]["failure"], "lost write");
  EXPECT_EQ(report["server_cpu"]["us_per_request"], 25.0);
  EXPECT_EQ(report["client_cpu"]["us_per_request"], 20.0);
}

TEST(ReportTest, JsonIsValidForARunThatDidNothing) {
  RunResult result;
  result.ending = Ending::kUnavailable;
  result.unavailable_message = "nobody there";
  const json report = json::parse(FormatJson(result));
  EXPECT_EQ(report["ending"], "unavailable");
  EXPECT_EQ(report["exit_code"], kExitUnavailable);
  EXPECT_EQ(report["measured"], false);
}

struct ExitCase {
  const char* name;
  Ending ending;
  bool measuring;
  uint64_t failures;
  uint64_t errors;
  std::optional<uint64_t> errors_max;
  int exit_code;
};

TEST(ReportTest, ExitCodeFollowsFromTheWorstThatHappened) {
  const ExitCase kCases[] = {
      {"good", Ending::kComplete, true, 0, 0, 0, kExitOk},
      {"interrupted", Ending::kInterrupted, true, 0, 0, 0, kExitOk},
      {"interrupted early", Ending::kInterrupted, false, 0, 0, 0, kExitFailed},
      {"an error", Ending::kComplete, true, 0, 1, 0, kExitFailed},
      {"errors within limit", Ending::kComplete, true, 0, 5, 5, kExitOk},
      {"errors above limit", Ending::kComplete, true, 0, 6, 5, kExitFailed},
      {"no limit", Ending::kComplete, true, 0, 6, std::nullopt, kExitOk},
      {"a failure", Ending::kComplete, true, 1, 0, std::nullopt, kExitFailed},
      {"no preload", Ending::kPreloadFailed, false, 0, 0, 0, kExitFailed},
      {"no server", Ending::kUnavailable, false, 0, 0, 0, kExitUnavailable},
      {"server lost", Ending::kUnavailable, true, 0, 9, 0, kExitUnavailable},
      {"lost and wrong", Ending::kUnavailable, true, 1, 9, 0, kExitFailed},
  };
  for (const ExitCase& c : kCases) {
    RunResult result;
    result.options.mix = *ParseMix("get");
    result.options.errors_max = c.errors_max;
    result.ending = c.ending;
    result.measuring = c.measuring;
    result.measured.failure_count = c.failures;
    result.measured.error_count = c.errors;
    EXPECT_EQ(result.ExitCode(), c.exit_code) << c.name;
  }
}

TEST(ReportTest, ATransferRunThatWasNotAuditedHasFailed) {
  RunResult result;
  result.options.mix = *ParseMix("transfer");
  result.measuring = true;
  EXPECT_EQ(result.ExitCode(), kExitFailed);
  result.total = 0;
  EXPECT_EQ(result.ExitCode(), kExitOk);
}

}  // namespace
}  // namespace latchkey::load
