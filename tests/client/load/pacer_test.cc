#include "client/load/pacer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace latchkey::load {
namespace {

using testing::ElementsAre;

constexpr Nanos kStart = 500 * kNanosPerSecond;
constexpr Nanos kMs = kNanosPerMilli;

// When everything that could be taken at `now` was meant to be sent, in
// milliseconds from the start.
std::vector<Nanos> TakeAll(Pacer& pacer, Nanos now) {
  std::vector<Nanos> times;
  while (const auto time = pacer.Take(now)) {
    times.push_back((*time - kStart) / kMs);
  }
  return times;
}

TEST(PacerTest, KeepsItsTimetable) {
  Pacer pacer({.start = kStart, .rate = 1'000, .backlog_max = 100});
  EXPECT_EQ(pacer.NextTime(), kStart);
  EXPECT_THAT(TakeAll(pacer, kStart - 1), ElementsAre());
  EXPECT_THAT(TakeAll(pacer, kStart), ElementsAre(0));
  EXPECT_EQ(pacer.NextTime(), kStart + 1 * kMs);
  EXPECT_THAT(TakeAll(pacer, kStart + 1 * kMs - 1), ElementsAre());
  EXPECT_THAT(TakeAll(pacer, kStart + 1 * kMs), ElementsAre(1));
}

TEST(PacerTest, WhatWasDueKeepsItsTimeHoweverLateItIsTaken) {
  Pacer pacer({.start = kStart, .rate = 1'000, .backlog_max = 100});
  EXPECT_THAT(TakeAll(pacer, kStart + 4 * kMs), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_EQ(pacer.not_sent(), 0u);
}

TEST(PacerTest, GivesUpTheOldestBeyondTheBacklog) {
  Pacer pacer({.start = kStart, .rate = 1'000, .backlog_max = 3});
  // 11 are due, 8 too many.
  EXPECT_THAT(TakeAll(pacer, kStart + 10 * kMs), ElementsAre(8, 9, 10));
  EXPECT_EQ(pacer.not_sent(), 8u);
}

TEST(PacerTest, TrimsWhileNothingCanBeTaken) {
  Pacer pacer({.start = kStart, .rate = 1'000, .backlog_max = 3});
  pacer.Trim(kStart + 10 * kMs);
  EXPECT_EQ(pacer.not_sent(), 8u);
  pacer.Trim(kStart + 10 * kMs);
  EXPECT_EQ(pacer.not_sent(), 8u);
}

TEST(PacerTest, EndsBeforeTheEnd) {
  Pacer pacer({.start = kStart,
               .end = kStart + 3 * kMs,
               .rate = 1'000,
               .backlog_max = 100});
  EXPECT_THAT(TakeAll(pacer, kStart + 50 * kMs), ElementsAre(0, 1, 2));
  EXPECT_EQ(pacer.NextTime(), kForever);
  pacer.Finish(kStart + 50 * kMs);
  EXPECT_EQ(pacer.not_sent(), 0u);
}

TEST(PacerTest, CountsWhatIsLeftAtTheEnd) {
  Pacer pacer({.start = kStart,
               .end = kStart + 10 * kMs,
               .rate = 1'000,
               .backlog_max = 100});
  EXPECT_THAT(TakeAll(pacer, kStart + 3 * kMs), ElementsAre(0, 1, 2, 3));
  // Stopped early: what was not due yet does not count.
  pacer.Finish(kStart + 5 * kMs);
  EXPECT_EQ(pacer.not_sent(), 2u);
  EXPECT_THAT(TakeAll(pacer, kStart + 9 * kMs), ElementsAre());
  EXPECT_EQ(pacer.NextTime(), kForever);
}

TEST(PacerTest, ThreadsShareOneTimetable) {
  std::vector<Nanos> times;
  for (uint32_t thread = 0; thread < 3; ++thread) {
    Pacer pacer({.start = kStart,
                 .rate = 1'000,
                 .thread = thread,
                 .threads = 3,
                 .backlog_max = 100});
    for (const Nanos time : TakeAll(pacer, kStart + 7 * kMs)) {
      times.push_back(time);
    }
  }
  EXPECT_THAT(times, testing::UnorderedElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
}

TEST(PacerTest, EveryRequestIsTakenOrGivenUpAtAnyRate) {
  for (const double rate : {0.7, 3.0, 333.3, 7'777.0, 123'456.7}) {
    Pacer pacer({.start = kStart,
                 .end = kStart + 10 * kNanosPerSecond,
                 .rate = rate,
                 .backlog_max = 5});
    uint64_t taken = 0;
    // A step that no rate divides, so that the backlog overflows at times.
    for (Nanos now = kStart; now < kStart + 10 * kNanosPerSecond;
         now += 777'777) {
      while (pacer.Take(now)) ++taken;
    }
    pacer.Finish(kStart + 10 * kNanosPerSecond);
    EXPECT_NEAR(static_cast<double>(taken + pacer.not_sent()), rate * 10, 1)
        << rate;
  }
}

TEST(PacerTest, DoesNotDriftInALongRun) {
  Pacer pacer({.start = kStart, .rate = 30'000, .backlog_max = 1});
  const Nanos hour = 3'600 * kNanosPerSecond;
  const auto time = pacer.Take(kStart + hour);
  ASSERT_TRUE(time.has_value());
  EXPECT_NEAR(static_cast<double>(*time), static_cast<double>(kStart + hour),
              kNanosPerMicro);
}

}  // namespace
}  // namespace latchkey::load
