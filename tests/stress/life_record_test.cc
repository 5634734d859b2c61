#include "tests/stress/life_record.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/stress/recorded.h"

namespace latchkey::stress {
namespace {

using verify::EventOutcome;
using verify::HistoryEvent;

// The only event of `recorded`.
const HistoryEvent& EventIn(const Recorded& recorded) {
  return recorded.history().recorder(0).events().front();
}

class LifeRecordTest : public testing::Test {
 protected:
  // A life whose first commit has `version`, at a time of the same number.
  void Begin(uint64_t life, uint64_t version) {
    Recorded first;
    first.Put("first", std::to_string(life),
              {.start = static_cast<int64_t>(version),
               .end = static_cast<int64_t>(version) + 1,
               .version = version});
    record_.BeginLife(
        life,
        {.log_prefix = "log/1/", .first_version = version, .history_path = ""},
        EventIn(first));
  }

  void AddPut(uint64_t life, const std::string& value, const When& when) {
    Recorded put;
    put.Put("k", value, when);
    record_.Add(EventIn(put), life);
  }

  void AddGet(uint64_t life, const std::optional<std::string>& value,
              const When& when) {
    Recorded get;
    get.Get("k", value, when);
    record_.Add(EventIn(get), life);
  }

  std::string Found() { return record_.violations().ToString(); }

  LifeRecord record_;
};

TEST_F(LifeRecordTest, ChecksARoundInFull) {
  Begin(1, 100);
  AddPut(1, "a", {.start = 110, .end = 120, .version = 101});
  AddGet(1, "a", {.start = 130, .end = 140, .version = 101});
  record_.EndRound();
  EXPECT_EQ(Found(), "");
  EXPECT_EQ(record_.counts().strict, 3u);

  // The state is carried on.
  AddGet(1, std::nullopt, {.start = 150, .end = 160});
  record_.EndRound();
  EXPECT_NE(Found(), "");
}

TEST_F(LifeRecordTest, FindsAVersionThatNobodyWrote) {
  Begin(1, 100);
  AddPut(1, "a", {.start = 110, .end = 120, .version = 102});
  record_.EndRound();
  EXPECT_EQ(record_.violations().CountOf(verify::sort::kGap), 1u) << Found();
}

TEST_F(LifeRecordTest, ANewLifeIsEmpty) {
  Begin(1, 100);
  AddPut(1, "a", {.start = 110, .end = 120, .version = 101});
  record_.KillLife({});
  Begin(2, 1000);
  AddGet(2, std::nullopt, {.start = 1010, .end = 1020});
  record_.EndRound();
  EXPECT_EQ(Found(), "");
  EXPECT_EQ(record_.counts().dead_rounds, 1u);

  AddGet(2, "a", {.start = 1030, .end = 1040, .version = 101});
  record_.EndRound();
  EXPECT_NE(Found(), "");
}

TEST_F(LifeRecordTest, WhatWasOpenAtTheKillMayBeAGap) {
  Begin(1, 100);
  AddPut(1, "b", {.start = 115, .end = 125, .version = 102});
  Recorded open;
  open.Put("k", "a",
           {.start = 110, .end = 120, .outcome = EventOutcome::kUnknown});
  record_.KillLife({{.life = 1, .event = EventIn(open)}});
  Begin(2, 1000);
  HistoryEvent late = EventIn(open);
  record_.Add(late, 1);
  record_.EndRound();
  EXPECT_EQ(Found(), "");
  EXPECT_EQ(record_.unknown_at_kill(), 1u);
  EXPECT_EQ(record_.counts().weak, 2u);
}

TEST_F(LifeRecordTest, AWriteThatOutlivesTwoKillsIsStillOneThatWasSent) {
  Begin(1, 100);
  Recorded append;
  append.Append(0,
                {.start = 110, .end = 120, .outcome = EventOutcome::kUnknown});
  Recorded read;
  read.ReadLog("1", {.start = 130, .end = 140, .version = 101});
  record_.Add(EventIn(read), 1);
  record_.KillLife({{.life = 1, .event = EventIn(append)}});
  Begin(2, 1000);
  record_.KillLife({{.life = 1, .event = EventIn(append)}});
  EXPECT_EQ(Found(), "");
  EXPECT_EQ(record_.unknown_at_kill(), 1u);
}

TEST_F(LifeRecordTest, AnAnswerBelongsToTheLifeOfItsVersion) {
  Begin(1, 100);
  record_.KillLife({});
  Begin(2, 1000);
  // Both were under way at the kill.
  AddPut(1, "a", {.start = 110, .end = 1030, .version = 101});
  AddPut(1, "b", {.start = 111, .end = 1030, .version = 1001});
  AddGet(2, "b", {.start = 1040, .end = 1050, .version = 1001});
  record_.EndRound();
  EXPECT_EQ(Found(), "");
  // First commits, a put of each life, and a read.
  EXPECT_EQ(record_.counts().strict, 5u);
}

TEST_F(LifeRecordTest, VersionsDoNotComeBack) {
  Begin(1, 100);
  AddPut(1, "a", {.start = 110, .end = 120, .version = 101});
  record_.KillLife({});
  Begin(2, 101);
  EXPECT_EQ(record_.violations().CountOf("version-came-back"), 1u) << Found();
}

}  // namespace
}  // namespace latchkey::stress
