// When an entry ceases to exist: every way to set an expiry, Touch, and the
// sweep that reclaims what has expired.

#include <gtest/gtest.h>

#include <string>

#include "tests/server/store/store_fixture.h"

namespace latchkey {
namespace {

using enum absl::StatusCode;

class ExpiryTest : public StoreTest {};
class TouchTest : public StoreTest {};
class SweepTest : public StoreTest {
 protected:
  // Puts `count` entries, named `prefix` and a number, with this expiry.
  void PutMany(const std::string& prefix, int count, Expiration expiration) {
    for (int i = 0; i < count; ++i) {
      Put(prefix + std::to_string(i), "v", expiration);
    }
  }
};

TEST_F(ExpiryTest, OfATtlIsExactToTheNanosecond) {
  Put("k", "v", Ttl(10_ms));
  Advance(10_ms - 1);
  ExpectValue("k", "v");
  Advance(1_ns);
  ExpectMissing("k");
}

TEST_F(ExpiryTest, OfAnInstantIsExactToTheNanosecond) {
  Put("k", "v", At(kStart + 1));
  ExpectValue("k", "v");
  EXPECT_EQ(ExpiryOf("k"), kStart + 1);
  Advance(1_ns);
  ExpectMissing("k");
}

TEST_F(ExpiryTest, OfATtlCountsFromTheCommit) {
  Advance(3_ms);
  Put("k", "v", Ttl(10_ms));
  EXPECT_EQ(ExpiryOf("k"), kStart + 13_ms);
}

TEST_F(ExpiryTest, EveryReadSeesIt) {
  Put("k", "v", Ttl(10_ms));
  Put("other", "v");
  Advance(10_ms);
  const std::string_view keys[] = {"k", "other"};
  const auto plain = store().BatchGet(keys, token());
  EXPECT_FALSE(plain->results[0].found.entry);
  EXPECT_TRUE(plain->results[1].found.entry);
  const auto atomic = store().BatchGetAtomic(keys, token());
  EXPECT_FALSE(atomic->results[0].found.entry);
  EXPECT_TRUE(atomic->results[1].found.entry);
  const WriteResult in_transaction = Transact({GetOperation{.key = "k"}});
  EXPECT_FALSE(ResultOf<GetResult>(in_transaction).found.entry);
}

TEST_F(ExpiryTest, AnInstantMustLieAfterTheCommit) {
  for (const UnixNanos at : {kStart, kStart - 1, UnixNanos{0}, UnixNanos{-1}}) {
    const absl::Status status = ExpectNoTrace([&] {
      return Do(PutOperation{.key = "k", .value = "v", .expiration = At(at)});
    });
    ExpectError(status, kInvalidArgument, ErrorReason::kInvalidExpiration);
    EXPECT_EQ(GetErrorDetails(status)->field, "expiration.expire_time");
  }
  ExpectMissing("k");
}

TEST_F(ExpiryTest, AnInstantInThePastIsRefusedByEveryOperationThatSetsOne) {
  Put("k", "1");
  const Expiration past = At(kStart);
  ExpectError(ExpectNoTrace([&] {
                return Do(TouchOperation{.key = "k", .expiration = past});
              }),
              kInvalidArgument, ErrorReason::kInvalidExpiration);
  ExpectError(ExpectNoTrace([&] {
                return Do(IncrementOperation{
                    .key = "k", .delta = 1, .expiration = past});
              }),
              kInvalidArgument, ErrorReason::kInvalidExpiration);
  const absl::Status status = ExpectNoTrace(
      [&] { return Do(GetOperation{.key = "k", .touch = past}); });
  ExpectError(status, kInvalidArgument, ErrorReason::kInvalidExpiration);
  EXPECT_EQ(GetErrorDetails(status)->field, "touch.expire_time");
  ExpectValue("k", "1");
  EXPECT_EQ(ExpiryOf("k"), kNever);
}

TEST_F(ExpiryTest, AnInstantInThePastIsBadInputAlsoForAMissingKey) {
  const Expiration past = At(kStart);
  ExpectError(Do(TouchOperation{.key = "k", .expiration = past}),
              kInvalidArgument, ErrorReason::kInvalidExpiration);
  ExpectError(Do(GetOperation{.key = "k", .touch = past}), kInvalidArgument,
              ErrorReason::kInvalidExpiration);
  ExpectError(Do(IncrementOperation{.key = "k", .expiration = past}),
              kInvalidArgument, ErrorReason::kInvalidExpiration);
}

TEST_F(ExpiryTest, ATtlBeyondTheEndOfTimeIsNever) {
  Put("k", "v", Ttl(INT64_MAX));
  EXPECT_EQ(ExpiryOf("k"), kNever);
}

TEST_F(ExpiryTest, KeepKeepsThatOfAnExistingEntry) {
  Put("k", "old", Ttl(10_ms));
  Advance(4_ms);
  Put("k", "new", Keep());
  ExpectValue("k", "new");
  EXPECT_EQ(ExpiryOf("k"), kStart + 10_ms);
}

TEST_F(ExpiryTest, KeepOfANewEntryIsNever) {
  Put("k", "v", Keep());
  EXPECT_EQ(ExpiryOf("k"), kNever);
}

TEST_F(ExpiryTest, KeepDoesNotBringBackThatOfAnExpiredEntry) {
  Put("k", "old", Ttl(10_ms));
  Advance(10_ms);
  Put("k", "new", Keep());
  ExpectValue("k", "new");
  EXPECT_EQ(ExpiryOf("k"), kNever);
}

TEST_F(ExpiryTest, PutWithoutOneMakesTheEntryPermanent) {
  Put("k", "old", Ttl(10_ms));
  Put("k", "new");
  Advance(20_ms);
  ExpectValue("k", "new");
}

TEST_F(TouchTest, ChangesTheExpiryAndNothingElse) {
  const uint64_t version = PutWithFlags("k", "v", 7, Ttl(10_ms));
  Advance(5_ms);
  const WriteResult touched =
      Do(TouchOperation{.key = "k", .expiration = Ttl(20_ms)});
  EXPECT_TRUE(ResultOf<TouchResult>(touched).touched);
  EXPECT_EQ(ResultOf<TouchResult>(touched).expire_time, kStart + 25_ms);
  EXPECT_EQ(ExpiryOf("k"), kStart + 25_ms);
  ExpectValue("k", "v");
  EXPECT_EQ(FlagsOf("k"), 7u);
  EXPECT_EQ(VersionOf("k"), version);
}

TEST_F(TouchTest, IsACommitWithAVersionOfItsOwn) {
  const uint64_t version = Put("k", "v");
  EXPECT_EQ(Touch("k", Ttl(10_ms)), version + 1);
  EXPECT_EQ(Touch("k", Keep()), version + 2);
  EXPECT_EQ(store().last_version(), version + 2);
  EXPECT_EQ(Put("other", "v"), version + 3);
}

TEST_F(TouchTest, CanShortenLengthenAndEndAnExpiry) {
  Put("k", "v", Ttl(10_ms));
  Touch("k", Ttl(5_ms));
  EXPECT_EQ(ExpiryOf("k"), kStart + 5_ms);
  Touch("k", At(kStart + 30_ms));
  EXPECT_EQ(ExpiryOf("k"), kStart + 30_ms);
  Touch("k", Never());
  EXPECT_EQ(ExpiryOf("k"), kNever);
  Touch("k", Ttl(1_ms));
  Advance(1_ms);
  ExpectMissing("k");
}

TEST_F(TouchTest, WithKeepLeavesTheExpiry) {
  Put("k", "v", Ttl(10_ms));
  const WriteResult touched =
      Do(TouchOperation{.key = "k", .expiration = Keep()});
  EXPECT_TRUE(ResultOf<TouchResult>(touched).touched);
  EXPECT_EQ(ResultOf<TouchResult>(touched).expire_time, kStart + 10_ms);
  EXPECT_EQ(ExpiryOf("k"), kStart + 10_ms);
}

TEST_F(TouchTest, OfAMissingKeyIsNoErrorAndNoCommit) {
  const uint64_t before = Put("expired", "v", Ttl(10_ms));
  Advance(10_ms);
  for (const char* key : {"missing", "expired"}) {
    const WriteResult touched =
        Do(TouchOperation{.key = key, .expiration = Ttl(10_ms)});
    EXPECT_FALSE(ResultOf<TouchResult>(touched).touched);
    EXPECT_EQ(ResultOf<TouchResult>(touched).expire_time, kNever);
    EXPECT_EQ(touched->version, kNoVersion);
    ExpectMissing(key);
  }
  EXPECT_EQ(store().last_version(), before);
}

TEST_F(TouchTest, LeavesAnAnswerThatWasReadBeforeAsItWas) {
  Put("k", "v", Ttl(10_ms));
  const EntryView before = Look("k");
  Touch("k", Ttl(20_ms));
  EXPECT_EQ(before.expire_time, kStart + 10_ms);
}

TEST_F(TouchTest, OfAGetReadsAndTouchesInOneStep) {
  const uint64_t version = Put("k", "v", Ttl(10_ms));
  const WriteResult got = Do(GetOperation{.key = "k", .touch = Ttl(20_ms)});
  const GetResult& result = ResultOf<GetResult>(got);
  ASSERT_TRUE(result.found.entry);
  EXPECT_EQ(result.found.entry->value(), "v");
  EXPECT_EQ(result.touched_expire_time, kStart + 20_ms);
  EXPECT_EQ(got->version, version + 1);
  EXPECT_EQ(VersionOf("k"), version);
  EXPECT_EQ(ExpiryOf("k"), kStart + 20_ms);
}

TEST_F(TouchTest, OfAGetAlsoHappensWhereTheEntryIsNotSent) {
  const uint64_t version = Put("k", "v", Ttl(10_ms));
  const WriteResult got = Do(
      GetOperation{.key = "k", .if_version_not = version, .touch = Ttl(20_ms)});
  EXPECT_TRUE(ResultOf<GetResult>(got).not_modified);
  EXPECT_FALSE(ResultOf<GetResult>(got).found.entry);
  EXPECT_EQ(ResultOf<GetResult>(got).touched_expire_time, kStart + 20_ms);
  EXPECT_EQ(ExpiryOf("k"), kStart + 20_ms);
}

TEST_F(TouchTest, OfAGetOfAMissingKeyIsAMissAndNoCommit) {
  const WriteResult got = Do(GetOperation{.key = "k", .touch = Ttl(20_ms)});
  EXPECT_FALSE(ResultOf<GetResult>(got).found.entry);
  EXPECT_EQ(got->version, kNoVersion);
}

TEST_F(SweepTest, RemovesWhatHasExpiredAndNothingElse) {
  PutMany("soon", 500, Ttl(10_ms));
  PutMany("later", 500, Ttl(10_ms + 1));
  PutMany("never", 500, Never());
  Advance(10_ms);
  EXPECT_EQ(store().EntryCount(), 1500u);
  EXPECT_EQ(store().SweepExpired(10'000), 500u);
  EXPECT_EQ(store().EntryCount(), 1000u);
  for (int i = 0; i < 500; ++i) {
    ExpectMissing("soon" + std::to_string(i));
    ExpectValue("later" + std::to_string(i), "v");
    ExpectValue("never" + std::to_string(i), "v");
  }
  EXPECT_EQ(store().SweepExpired(10'000), 0u);
}

TEST_F(SweepTest, FindsNothingBeforeItsTime) {
  PutMany("k", 100, Ttl(10_ms));
  Advance(10_ms - 1);
  EXPECT_EQ(store().SweepExpired(1000), 0u);
  EXPECT_EQ(store().EntryCount(), 100u);
}

TEST_F(SweepTest, IsBoundedAndGoesOnWhereItStopped) {
  PutMany("k", 1000, Ttl(10_ms));
  PutMany("never", 100, Never());
  Advance(10_ms);
  for (size_t left = 1000; left > 0; left -= 100) {
    EXPECT_EQ(store().EntryCount(), left + 100);
    EXPECT_EQ(store().SweepExpired(100), 100u);
  }
  EXPECT_EQ(store().SweepExpired(100), 0u);
  EXPECT_EQ(store().EntryCount(), 100u);
}

// The bound of one lock's hold is not the bound of the sweep.
TEST_F(SweepTest, FinishesAlsoAShardWithManyExpiredEntries) {
  PutMany("k", 50'000, Ttl(10_ms));
  Advance(10_ms);
  EXPECT_EQ(store().SweepExpired(49'999), 49'999u);
  EXPECT_EQ(store().SweepExpired(100), 1u);
  EXPECT_EQ(store().EntryCount(), 0u);
}

TEST_F(SweepTest, TakesNoVersion) {
  const uint64_t version = Put("k", "v", Ttl(10_ms));
  Advance(10_ms);
  EXPECT_EQ(store().SweepExpired(10), 1u);
  EXPECT_EQ(store().last_version(), version);
}

TEST_F(SweepTest, SeesTheExpiryThatAnEntryHasNow) {
  Put("lengthened", "v", Ttl(10_ms));
  Put("shortened", "v", Ttl(90_ms));
  Put("ended", "v", Ttl(10_ms));
  Put("begun", "v");
  Put("replaced", "v", Ttl(10_ms));
  Put("kept", "v", Ttl(10_ms));
  Put("moved", "v", Ttl(10_ms));
  Put("undone", "v", Ttl(90_ms));
  Put("deleted", "v", Ttl(10_ms));
  Put("counted", "1", Ttl(10_ms));
  Touch("lengthened", Ttl(50_ms));
  Touch("shortened", Ttl(10_ms));
  Touch("ended", Never());
  Touch("begun", Ttl(10_ms));
  Put("replaced", "w", Ttl(50_ms));
  Put("kept", "w", Keep());
  Move("moved", "arrived");
  EXPECT_FALSE(
      Transact({TouchOperation{.key = "undone", .expiration = Ttl(1_ms)},
                DeleteOperation{.key = "x", .precondition = Exists()}})
          .ok());
  Delete("deleted");
  Put("deleted", "w");
  Increment("counted", 1);
  Advance(10_ms);
  // shortened, begun, kept, arrived, counted.
  EXPECT_EQ(store().SweepExpired(100), 5u);
  EXPECT_EQ(store().EntryCount(), 5u);
  ExpectValue("lengthened", "v");
  ExpectValue("ended", "v");
  ExpectValue("replaced", "w");
  ExpectValue("undone", "v");
  ExpectValue("deleted", "w");
}

TEST_F(SweepTest, LeavesAnEntryThatSomeoneStillReads) {
  Put("k", "v", Ttl(10_ms));
  const EntryView reading = Look("k");
  Advance(10_ms);
  EXPECT_EQ(store().SweepExpired(10), 1u);
  EXPECT_EQ(reading.entry->value(), "v");
}

}  // namespace
}  // namespace latchkey
