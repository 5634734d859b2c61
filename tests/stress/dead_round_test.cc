#include "tests/stress/dead_round.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "tests/stress/recorded.h"

namespace latchkey::stress {
namespace {

using verify::EventOutcome;
using verify::Violations;

// The starts of the events that CutAtGap() keeps of a round that follows on
// version 100.
std::vector<int64_t> Kept(const Recorded& recorded) {
  verify::History strict;
  CutAtGap(recorded.history(), 100, &strict);
  std::vector<int64_t> starts;
  for (const auto* event : strict.Sorted()) starts.push_back(event->start);
  return starts;
}

std::string FoundIn(const Recorded& recorded) {
  Violations violations;
  CheckBeyondGap(recorded.history(), &violations);
  std::string found;
  for (const auto& [sort, of_sort] : violations.by_sort()) found += sort;
  return found;
}

TEST(DeadRoundTest, KeepsAllWhereNothingIsOpen) {
  Recorded recorded;
  recorded.Put("k", "a", {.start = 10, .end = 20, .version = 101});
  recorded.Put("k", "b", {.start = 30, .end = 40, .version = 102});
  recorded.Get("k", "b", {.start = 50, .end = 60, .version = 102});
  EXPECT_EQ(Kept(recorded), (std::vector<int64_t>{10, 30, 50}));
}

TEST(DeadRoundTest, LeavesOutCommitsFromTheGapOn) {
  Recorded recorded;
  recorded.Put("k", "a", {.start = 10, .end = 20, .version = 101});
  recorded.Put("k", "b", {.start = 30, .end = 40, .version = 103});
  recorded.Put("k", "c", {.start = 31, .end = 40, .version = 104});
  recorded.Put("k", "d",
               {.start = 35, .end = 90, .outcome = EventOutcome::kUnknown});
  EXPECT_EQ(Kept(recorded), (std::vector<int64_t>{10}));
}

TEST(DeadRoundTest, LeavesOutReadsThatMayHaveSeenWhatIsBeyond) {
  Recorded recorded;
  recorded.Put("k", "a", {.start = 10, .end = 20, .version = 101});
  recorded.Get("k", "a", {.start = 21, .end = 25, .version = 101});
  recorded.Put("k", "d",
               {.start = 30, .end = 90, .outcome = EventOutcome::kUnknown});
  recorded.Get("k", "d", {.start = 26, .end = 35, .version = 102});
  recorded.Get("j", std::nullopt, {.start = 40, .end = 50});
  EXPECT_EQ(Kept(recorded), (std::vector<int64_t>{10, 21}));
}

TEST(DeadRoundTest, AWriteThatIsOpenForLongComesAfterAllKnownVersions) {
  Recorded recorded;
  recorded.Put("k", "d",
               {.start = 1, .end = 90, .outcome = EventOutcome::kUnknown});
  recorded.Put("k", "a", {.start = 10, .end = 20, .version = 101});
  recorded.Get("k", "a", {.start = 21, .end = 25, .version = 101});
  recorded.Put("k", "b", {.start = 30, .end = 40, .version = 102});
  recorded.Get("k", "b", {.start = 41, .end = 45, .version = 102});
  // Nothing between 101 and 102 can have been the open write, so the first read
  // is good; after 102 it may have come at once.
  EXPECT_EQ(Kept(recorded), (std::vector<int64_t>{10, 21, 30}));
}

TEST(DeadRoundTest, ACopyIsNoCommitOfItsOwn) {
  Recorded recorded;
  recorded.Append(0, {.start = 10, .end = 20, .version = 101});
  recorded.Append(0, {.start = 21, .end = 22, .version = 101});
  recorded.Append(1, {.start = 30, .end = 40, .version = 102});
  EXPECT_EQ(Kept(recorded), (std::vector<int64_t>{10, 21, 30}));
  EXPECT_EQ(FoundIn(recorded), "");
}

TEST(DeadRoundTest, OneVersionIsOneCommit) {
  Recorded recorded;
  recorded.Put("k", "a", {.start = 10, .end = 20, .version = 109});
  recorded.Put("j", "b", {.start = 11, .end = 20, .version = 109});
  EXPECT_EQ(FoundIn(recorded), "shared-version");
}

TEST(DeadRoundTest, VersionsFollowTheTime) {
  Recorded good;
  good.Put("k", "a", {.start = 10, .end = 30, .version = 112});
  good.Put("j", "b", {.start = 20, .end = 40, .version = 109});
  EXPECT_EQ(FoundIn(good), "");

  Recorded bad;
  bad.Put("k", "a", {.start = 10, .end = 20, .version = 112});
  bad.Put("i", "c", {.start = 15, .end = 90, .version = 110});
  bad.Put("j", "b", {.start = 21, .end = 40, .version = 109});
  EXPECT_EQ(FoundIn(bad), "real-time-order");
}

}  // namespace
}  // namespace latchkey::stress
