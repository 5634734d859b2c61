#include "tests/support/random_faults.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <vector>

namespace latchkey {
namespace {

using testing::HasSubstr;
using Kind = FaultPlan::Kind;
using std::chrono::milliseconds;

RandomFaults All() {
  RandomFaults faults;
  faults.reset = faults.lose_reply = faults.truncate = 1;
  faults.delay = faults.drop = 1;
  faults.mirror_percent = 50;
  faults.bytes_between_max = 100;
  return faults;
}

// What happens to a connection, as numbers.
std::vector<uint64_t> HistoryOf(uint64_t seed, uint64_t number) {
  RandomFaults faults = All();
  faults.seed = seed;
  FaultPlan plan(faults, number);
  std::vector<uint64_t> history;
  history.push_back(plan.DrawMirror() ? 1 : 0);
  for (int i = 0; i < 100; ++i) {
    history.push_back(static_cast<uint64_t>(plan.Next(30)));
    history.push_back(plan.DrawTruncateBytes());
    history.push_back(static_cast<uint64_t>(plan.DrawDelay().count()));
  }
  return history;
}

TEST(FaultPlanTest, IsTheSameForTheSameSeedAndConnection) {
  EXPECT_EQ(HistoryOf(7, 3), HistoryOf(7, 3));
  EXPECT_NE(HistoryOf(7, 3), HistoryOf(8, 3));
  EXPECT_NE(HistoryOf(7, 3), HistoryOf(7, 4));
}

TEST(FaultPlanTest, WeightsSayHowOftenEachStrikes) {
  RandomFaults faults;
  faults.bytes_between_max = 1;
  faults.reset = 1;
  faults.truncate = 3;
  FaultPlan plan(faults, 1);
  std::map<Kind, int> seen;
  for (int i = 0; i < 4000; ++i) ++seen[plan.Next(1)];
  EXPECT_EQ(seen.size(), 2u);
  EXPECT_NEAR(seen[Kind::kReset], 1000, 150);
  EXPECT_NEAR(seen[Kind::kTruncate], 3000, 150);
}

TEST(FaultPlanTest, StrikesOnceInSoManyBytes) {
  RandomFaults faults;
  faults.bytes_between_max = 1000;
  faults.delay = 1;
  FaultPlan plan(faults, 1);
  int struck = 0;
  for (int i = 0; i < 100'000; ++i) {
    if (plan.Next(1) == Kind::kDelay) ++struck;
  }
  // The distances are 500.5 bytes in the mean.
  EXPECT_NEAR(struck, 200, 40);
}

TEST(FaultPlanTest, DrawsWithinItsBounds) {
  RandomFaults faults = All();
  faults.delay_max = faults.drop_max = faults.mirror_lag_max = milliseconds(3);
  faults.truncate_bytes_max = 3;
  FaultPlan plan(faults, 1);
  std::map<uint64_t, int> bytes;
  std::map<milliseconds, int> times;
  int to_server = 0;
  int mirrored = 0;
  for (int i = 0; i < 400; ++i) {
    ++bytes[plan.DrawTruncateBytes()];
    ++times[plan.DrawDelay()];
    ++times[plan.DrawDrop()];
    ++times[plan.DrawMirrorLag()];
    to_server += plan.DrawToServer() ? 1 : 0;
    mirrored += plan.DrawMirror() ? 1 : 0;
  }
  EXPECT_EQ(bytes.size(), 4u);
  EXPECT_EQ(bytes.rbegin()->first, 3u);
  EXPECT_EQ(times.size(), 4u);
  EXPECT_EQ(times.rbegin()->first, milliseconds(3));
  EXPECT_NEAR(to_server, 200, 60);
  EXPECT_NEAR(mirrored, 200, 60);
}

TEST(FaultPlanTest, WithoutFaultsNothingStrikes) {
  FaultPlan plan(RandomFaults{}, 1);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(plan.Next(10'000), Kind::kNone);
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(plan.DrawMirror());
}

TEST(CheckRandomFaultsTest, NamesTheFieldThatIsWrong) {
  EXPECT_TRUE(CheckRandomFaults(All()).ok());
  struct Row {
    const char* field;
    void (*spoil)(RandomFaults&);
  };
  for (const Row& row :
       {Row{"reset", [](RandomFaults& f) { f.reset = 1'000'001; }},
        Row{"drop", [](RandomFaults& f) { f.drop = UINT32_MAX; }},
        Row{"mirror", [](RandomFaults& f) { f.mirror_percent = 101; }},
        Row{"bytes", [](RandomFaults& f) { f.bytes_between_max = 0; }},
        Row{"delay-ms",
            [](RandomFaults& f) { f.delay_max = milliseconds(-1); }},
        Row{"drop-ms",
            [](RandomFaults& f) { f.drop_max = std::chrono::hours(2); }}}) {
    RandomFaults faults = All();
    row.spoil(faults);
    const absl::Status status = CheckRandomFaults(faults);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(row.field));
  }
}

}  // namespace
}  // namespace latchkey
