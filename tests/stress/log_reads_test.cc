#include "tests/stress/log_reads.h"

#include <gtest/gtest.h>

#include "tests/stress/recorded.h"

namespace latchkey::stress {
namespace {

using verify::EventOutcome;
using verify::Violations;

constexpr char kPrefix[] = "log/1/";

// What is found in `recorded`, as "lost-append" or "".
std::string FoundIn(const Recorded& recorded) {
  Violations violations;
  CheckLogReads(recorded.history(), kPrefix, &violations);
  std::string found;
  for (const auto& [sort, of_sort] : violations.by_sort()) found += sort;
  return found;
}

TEST(LogReadsTest, CountsWhatWasSeen) {
  Recorded recorded;
  recorded.Append(0, {.start = 10, .end = 20, .version = 1});
  recorded.Append(1, {.start = 10, .end = 20, .version = 2});
  recorded.Append(2, {.start = 10, .end = 90, .version = 3});
  recorded.ReadLog("21", {.start = 30, .end = 40, .version = 3});
  recorded.ReadLog("21", {.start = 50, .end = 60, .version = 3});
  Violations violations;
  // The third had not been acknowledged when it was read.
  EXPECT_EQ(CheckLogReads(recorded.history(), kPrefix, &violations), 2u);
  EXPECT_TRUE(violations.empty()) << violations.ToString();
}

TEST(LogReadsTest, AcknowledgedBeforeTheReadAndNotThereIsLost) {
  Recorded recorded;
  recorded.Append(0, {.start = 10, .end = 20, .version = 1});
  recorded.Append(1, {.start = 10, .end = 20, .version = 2});
  recorded.ReadLog("1", {.start = 30, .end = 40, .version = 1});
  EXPECT_EQ(FoundIn(recorded), "lost-append");
}

TEST(LogReadsTest, AMissingLogHasLostAll) {
  Recorded recorded;
  recorded.Append(0, {.start = 10, .end = 20, .version = 1});
  recorded.ReadLog(std::nullopt, {.start = 30, .end = 40});
  EXPECT_EQ(FoundIn(recorded), "lost-append");
}

TEST(LogReadsTest, AcknowledgedWhileReadingMayBeMissing) {
  Recorded recorded;
  recorded.Append(0, {.start = 10, .end = 35, .version = 1});
  recorded.ReadLog(std::nullopt, {.start = 30, .end = 40});
  EXPECT_EQ(FoundIn(recorded), "");
}

TEST(LogReadsTest, TwiceIsDoubledWhateverItsOutcome) {
  for (const EventOutcome outcome :
       {EventOutcome::kOk, EventOutcome::kUnknown, EventOutcome::kNotApplied}) {
    Recorded recorded;
    recorded.Append(1,
                    {.start = 10, .end = 20, .version = 1, .outcome = outcome});
    recorded.ReadLog("8", {.start = 30, .end = 40, .version = 1});
    EXPECT_EQ(FoundIn(recorded), "doubled-append");
  }
}

TEST(LogReadsTest, UnknownMayBeThereOrNot) {
  for (const char* const value : {"0", "4"}) {
    Recorded recorded;
    recorded.Append(
        1, {.start = 10, .end = 20, .outcome = EventOutcome::kUnknown});
    recorded.ReadLog(value, {.start = 30, .end = 40, .version = 1});
    EXPECT_EQ(FoundIn(recorded), "");
  }
}

TEST(LogReadsTest, WhatWasDeniedOrNotSentIsAGhost) {
  Recorded denied;
  denied.Append(1,
                {.start = 10, .end = 20, .outcome = EventOutcome::kNotApplied});
  denied.ReadLog("4", {.start = 30, .end = 40, .version = 1});
  EXPECT_EQ(FoundIn(denied), "ghost-append");

  Recorded early;
  early.Append(1, {.start = 50, .end = 60, .version = 1});
  early.ReadLog("4", {.start = 30, .end = 40, .version = 1});
  EXPECT_EQ(FoundIn(early), "ghost-append");

  Recorded nobody;
  nobody.ReadLog("4", {.start = 30, .end = 40, .version = 1});
  EXPECT_EQ(FoundIn(nobody), "ghost-append");
}

TEST(LogReadsTest, ALogIsANumber) {
  Recorded recorded;
  recorded.ReadLog("x", {.start = 30, .end = 40, .version = 1});
  EXPECT_EQ(FoundIn(recorded), "bad-answer");
}

TEST(LogReadsTest, OtherKeysAreNoLogs) {
  Recorded recorded;
  recorded.Get("log/2/a", "x", {.start = 30, .end = 40, .version = 1});
  EXPECT_EQ(FoundIn(recorded), "");
}

}  // namespace
}  // namespace latchkey::stress
