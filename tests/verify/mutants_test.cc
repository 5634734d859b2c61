// Every mutant (server/base/mutant.h) is caught: the run that finds nothing in
// the store (store_verify_test.cc) finds the fault, of the sort that it is, and
// soon.  That run takes no snapshots: for what concerns them there is another
// (snapshot_audit.h).
//
// LATCHKEY_VERIFY_SEEDS says with how many seeds each is tried.

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/mutant.h"
#include "tests/server/store/snapshot_audit.h"
#include "tests/support/fake_clock.h"
#include "tests/support/seeded_random.h"
#include "tests/verify/direct_run.h"
#include "tests/verify/keyed_write.h"

namespace latchkey::verify {
namespace {

constexpr uint64_t kOperationsPerRound = 500;
constexpr uint64_t kOperationsMax = 40'000;
constexpr uint64_t kSnapshotsMax = 2'000;

// A ledger that is soon full.
constexpr size_t kSmallLedgerBytes = 64 * 1024;

struct MutantCase {
  Mutant mutant;
  const char* name;
  // At least one of these must be found: what the fault is about.
  std::vector<std::string_view> sorts;
  bool small_ledger = false;
};

const MutantCase kCases[] = {
    {Mutant::kStaleRead, "StaleRead", {sort::kStaleRead}},
    {Mutant::kTornAtomicRead, "TornAtomicRead", {sort::kTornRead}},
    {Mutant::kLateSnapshotVersion, "LateSnapshotVersion", {sort::kWrongRead}},
    {Mutant::kLostUpdate, "LostUpdate", {sort::kWrongCommit}},
    {Mutant::kHalfAMove, "HalfAMove", {sort::kWrongCommit, sort::kWrongRead}},
    {Mutant::kHalfABatch, "HalfABatch", {sort::kGap, sort::kGhostAppend}},
    {Mutant::kVersionBeforeLocks,
     "VersionBeforeLocks",
     {sort::kRealTimeOrder, sort::kWrongCommit}},
    {Mutant::kDoubleApply, "DoubleApply", {sort::kGap, sort::kDoubledAppend}},
    {Mutant::kRecordAfterUnlock,
     "RecordAfterUnlock",
     {sort::kCopyNotReplayed, sort::kDoubledAppend}},
    {Mutant::kRecordDroppedEarly,
     "RecordDroppedEarly",
     {sort::kCopyNotReplayed, sort::kOutcomeDiffers}},
    {Mutant::kLiveRecordEvicted,
     "LiveRecordEvicted",
     {sort::kCopyNotReplayed, sort::kOutcomeDiffers},
     true},
    {Mutant::kFingerprintIgnored, "FingerprintIgnored", {sort::kReuseAccepted}},
    {Mutant::kReplayOfWrongAnswer, "ReplayOfWrongAnswer", {sort::kCopyDiffers}},
    {Mutant::kErrorNotRecorded,
     "ErrorNotRecorded",
     {sort::kCopyNotReplayed, sort::kOutcomeDiffers}},
    {Mutant::kCancelledButApplied,
     "CancelledButApplied",
     {sort::kGap, sort::kGhostAppend}},
    {Mutant::kRefusedButApplied,
     "RefusedButApplied",
     {sort::kGap, sort::kGhostAppend},
     true},
    {Mutant::kTokenBeforeLookUp, "TokenBeforeLookUp", {sort::kCopyRefused}},
    {Mutant::kFenceIgnored, "FenceIgnored", {sort::kFenceBroken}},
    {Mutant::kOldStampAccepted, "OldStampAccepted", {sort::kStampAccepted}},
    {Mutant::kIncarnationIgnored, "IncarnationIgnored", {sort::kStampAccepted}},
};

uint64_t SeedCount() {
  const char* const text = std::getenv("LATCHKEY_VERIFY_SEEDS");
  return text == nullptr ? 4 : std::strtoull(text, nullptr, 10);
}

DirectEngineOptions OptionsOf(const MutantCase& mutant, uint64_t seed) {
  DirectEngineOptions options = {.threads = 4, .seed = seed};
  if (mutant.small_ledger) {
    options.store.idempotency_bytes_max = kSmallLedgerBytes;
    options.faults = {.request_lost = 0, .answer_lost = 0, .ended = 0};
  }
  return options;
}

std::string SortsOf(const Violations& violations) {
  std::string text;
  for (const auto& [sort, of_sort] : violations.by_sort()) {
    text += (text.empty() ? "" : " ") + sort;
  }
  return text.empty() ? "-" : text;
}

class MutantTest : public ::testing::TestWithParam<MutantCase> {};

TEST_P(MutantTest, IsCaught) {
  const MutantCase& mutant = GetParam();
  const ScopedMutant active(mutant.mutant);
  for (uint64_t seed = 1; seed <= SeedCount(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    DirectRun run({.engine = OptionsOf(mutant, seed)});
    bool expected = false;
    while (!expected && run.operations() < kOperationsMax) {
      run.Round(kOperationsPerRound);
      for (const std::string_view sort : mutant.sorts) {
        expected = expected || run.Findings().CountOf(sort) > 0;
      }
    }
    std::printf("%s, seed %llu, %llu operations: copies: %s; history: %s\n",
                mutant.name, static_cast<unsigned long long>(seed),
                static_cast<unsigned long long>(run.operations()),
                SortsOf(run.found_by_engine()).c_str(),
                SortsOf(run.found_by_verifier()).c_str());
    EXPECT_TRUE(expected) << run.Findings().ToString();
  }
}

TEST(MutantsTest, EachHasItsTest) {
  std::set<Mutant> tried = {Mutant::kNone, Mutant::kSwappedLockOrder,
                            Mutant::kSnapshotMissesImage};
  for (const MutantCase& mutant : kCases) tried.insert(mutant.mutant);
  EXPECT_EQ(tried.size(), static_cast<size_t>(kLastMutant) + 1);
}

// Before the mutant is active, and after, every total is exact.
TEST(SnapshotMutantTest, MissingImageIsCaught) {
  for (uint64_t seed = 1; seed <= SeedCount(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    FakeClock clock(0);
    SeededRandom random(seed);
    Store store({}, clock, random);
    SnapshotAudit audit(store, seed);
    EXPECT_EQ(audit.Run(50), "");
    const uint64_t before = audit.snapshots();
    std::string found;
    {
      const ScopedMutant active(Mutant::kSnapshotMissesImage);
      found = audit.Run(kSnapshotsMax);
    }
    std::printf("SnapshotMissesImage, seed %llu, %llu snapshots: %s\n",
                static_cast<unsigned long long>(seed),
                static_cast<unsigned long long>(audit.snapshots() - before),
                found.c_str());
    EXPECT_NE(found, "");
    EXPECT_EQ(audit.Run(50), "");
  }
}

// The rank check sees it before any history does, and ends the process.
TEST(MutantDeathTest, SwappedLockOrderEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const ScopedMutant active(Mutant::kSwappedLockOrder);
  EXPECT_DEATH(DirectRun({.engine = {.threads = 4}}).Round(kOperationsPerRound),
               "ascending rank");
}

INSTANTIATE_TEST_SUITE_P(Each, MutantTest, ::testing::ValuesIn(kCases),
                         [](const auto& info) {
                           return std::string(info.param.name);
                         });

}  // namespace
}  // namespace latchkey::verify
