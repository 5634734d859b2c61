// The commit sequence: one version for each commit, without gaps, never again.

#include <gtest/gtest.h>

#include "tests/server/store/store_fixture.h"
#include "tests/support/seeded_random.h"

namespace latchkey {
namespace {

class VersionTest : public StoreTest {};

TEST_F(VersionTest, BeginsAtTheClock) {
  EXPECT_EQ(store().last_version(), uint64_t{1'700'000'000'000'000} * 256);
  EXPECT_EQ(Put("k", "v"), uint64_t{1'700'000'000'000'000} * 256 + 1);
}

// At most 256 commits in a microsecond: a restart is always ahead.
TEST_F(VersionTest, ARestartIsAheadOfEverythingBefore) {
  uint64_t last = 0;
  for (int i = 0; i < 2560; ++i) last = Put("k", "v");
  Advance(11 * kNanosPerMicro);
  SeededRandom random(2);
  const Store restarted({}, clock(), random);
  EXPECT_GT(restarted.last_version(), last);
}

TEST_F(VersionTest, EveryKindOfCommitTakesTheNext) {
  uint64_t version = store().last_version();
  const auto expect_next = [&](uint64_t taken) {
    EXPECT_EQ(taken, ++version);
    EXPECT_EQ(store().last_version(), version);
  };
  expect_next(Put("a", "1"));
  expect_next(Put("a", "1"));
  expect_next(Do(IncrementOperation{.key = "a"})->version);
  expect_next(Touch("a", Ttl(10_ms)));
  expect_next(Do(GetOperation{.key = "a", .touch = Never()})->version);
  expect_next(Move("a", "b"));
  expect_next(Put("a", "1"));
  expect_next(Do(TransferOperation{
                     .source_key = "a", .destination_key = "b", .amount = 1})
                  ->version);
  expect_next(
      Batch("puts", {PutOperation{.key = "c"}, PutOperation{.key = "d"}})
          ->version);
  expect_next(Batch("deletes",
                    {DeleteOperation{.key = "c"}, DeleteOperation{.key = "d"}})
                  ->version);
  expect_next(Transact({PutOperation{.key = "c"}, DeleteOperation{.key = "b"}})
                  ->version);
  expect_next(Delete("a"));
}

TEST_F(VersionTest, WhatChangesNothingTakesNone) {
  const uint64_t before = Put("text", "v");
  ExpectMissing("k");
  EXPECT_EQ(Delete("k"), kNoVersion);
  EXPECT_EQ(Touch("k", Never()), kNoVersion);
  EXPECT_EQ(Transact({GetOperation{.key = "text"}})->version, kNoVersion);
  EXPECT_FALSE(Do(IncrementOperation{.key = "text"}).ok());
  EXPECT_FALSE(Do(MoveOperation{"k", "l"}).ok());
  EXPECT_FALSE(Do(TransferOperation{"k", "l", 1}).ok());
  EXPECT_FALSE(Do(PutOperation{.key = "k", .precondition = Exists()}).ok());
  EXPECT_EQ(store().last_version(), before);
  EXPECT_EQ(Put("k", "v"), before + 1);
}

TEST_F(VersionTest, AKeyThatComesBackHasAGreaterOne) {
  const uint64_t first = Put("k", "v");
  Delete("k");
  const uint64_t second = Put("k", "v");
  EXPECT_GT(second, first);
  Do(PutOperation{.key = "k", .expiration = Ttl(1_ms)}).value();
  Advance(1_ms);
  EXPECT_EQ(store().SweepExpired(10), 1u);
  EXPECT_GT(Put("k", "v"), second);
}

TEST_F(VersionTest, ACallerWhoSawAnOlderLifeOfTheKeyIsNotFooled) {
  const uint64_t seen = Put("k", "v");
  Delete("k");
  Put("k", "v");
  ExpectError(Do(PutOperation{
                  .key = "k", .value = "w", .precondition = VersionIs(seen)}),
              absl::StatusCode::kAborted, ErrorReason::kPreconditionFailed);
}

}  // namespace
}  // namespace latchkey
