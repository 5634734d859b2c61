// What scans of both kinds promise beside their contents: pages, tokens,
// limits, ends.

#include "server/store/scanner.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/server/store/scan_fixture.h"
#include "tests/support/seeded_random.h"

namespace latchkey {
namespace {

class ScannerTest : public ScanTest {
 protected:
  using ScanTest::ScanTest;

  // `count` keys in each of some shards.
  void Fill(size_t count) {
    for (const ShardIndex shard : {0, 1, 100, 255}) {
      for (const std::string& key : KeysIn(shard, count)) {
        Put(key, "value");
        keys_.push_back(key);
      }
    }
  }

  static constexpr size_t kSlice = Scanner::kSliceEntriesMax;

  std::vector<std::string> keys_;
};

class BothKindsTest : public ScannerTest,
                      public ::testing::WithParamInterface<bool> {
 protected:
  RunningScan Scan(size_t page = 1, std::string_view prefix = {}) {
    return Start(GetParam(), page, prefix);
  }
};

INSTANTIATE_TEST_SUITE_P(Kinds, BothKindsTest, ::testing::Bool(),
                         [](const auto& param) {
                           return param.param ? "Snapshot" : "Fuzzy";
                         });

TEST_P(BothKindsTest, ShowsEveryEntryOnceWhereNothingChanges) {
  Fill(100);
  const Seen held = Held(keys_);
  for (const size_t page : {1, 63, 64, 65, 1000}) {
    EXPECT_EQ(Scan(page).Rest(), held) << page;
  }
}

TEST_P(BothKindsTest, APageHoldsAsManyEntriesAsItMay) {
  Fill(100);
  RunningScan scan = Scan(30);
  for (int page = 0; page < 13; ++page) EXPECT_EQ(scan.Next().size(), 30u);
  EXPECT_EQ(scan.Next().size(), 10u);
  EXPECT_TRUE(scan.at_end());
}

TEST_P(BothKindsTest, APageHoldsNoMoreBytesThanItMay) {
  const std::string value(10'000, 'v');
  for (const std::string& key : KeysIn(7, 100)) Put(key, value);
  for (const bool keys_only : {false, true}) {
    RunningScan scan(store(),
                     {.snapshot = GetParam(),
                      .page = {.entries_max = 1000,
                               .bytes_max = 35'000,
                               .keys_only = keys_only}},
                     token());
    EXPECT_EQ(scan.Next().size(), keys_only ? 100u : 3u);
    EXPECT_EQ(scan.Rest().size(), 100u);
  }
}

TEST_P(BothKindsTest, AnEntryLargerThanAPageIsAPageOfItsOwn) {
  const std::vector<std::string> keys = KeysIn(7, 3);
  Put(keys[0], "small");
  Put(keys[1], std::string(5'000, 'v'));
  Put(keys[2], "small");
  RunningScan scan(
      store(),
      {.snapshot = GetParam(), .page = {.entries_max = 9, .bytes_max = 1'000}},
      token());
  EXPECT_EQ(scan.Rest().size(), 3u);
  EXPECT_EQ(scan.pages(), 3u);
}

TEST_P(BothKindsTest, APageThatFindsNothingIsSentAfterSomeWork) {
  for (const ShardIndex shard : {10, 20, 30}) {
    for (const std::string& key : KeysIn(shard, 3'000)) Put(key, "value");
  }
  RunningScan scan = Scan(10, "other");
  EXPECT_TRUE(scan.Next().empty());
  EXPECT_FALSE(scan.at_end());
  EXPECT_TRUE(scan.Rest().empty());
  EXPECT_EQ(scan.pages(), 1 + 9'000 / Scanner::kPageVisitsMax);
}

TEST_P(BothKindsTest, OnlyThePrefixIsSeen) {
  Put("a", "1");
  Put("ab", "2");
  Put("b", "3");
  EXPECT_EQ(Scan(9, "a").Rest(), Held({"a", "ab"}));
  EXPECT_EQ(Scan(9, "ab").Rest(), Held({"ab"}));
  EXPECT_TRUE(Scan(9, "abc").Rest().empty());
}

TEST_P(BothKindsTest, ExpiredEntriesAreNotSeen) {
  Put("a", "1", Ttl(5_ms));
  Put("b", "2", Ttl(6_ms));
  Advance(5_ms);
  EXPECT_EQ(Scan().Rest(), Held({"b"}));
}

TEST_P(BothKindsTest, GoesOnBehindAnyPage) {
  Fill(100);
  const Seen held = Held(keys_);
  for (const size_t lost : {0, 1, 5}) {
    RunningScan scan = Scan(9);
    while (!scan.at_end()) {
      scan.Next();
      if (scan.pages() % 7 == 6 && !scan.at_end()) {
        ASSERT_TRUE(scan.Resume(lost).ok());
        for (size_t i = 0; i < lost + 1 && !scan.at_end(); ++i) scan.Next();
      }
    }
    EXPECT_EQ(scan.seen(), held) << lost;
  }
}

// The stream may break while the last page is on its way.
TEST_P(BothKindsTest, GoesOnAlsoWhenTheEndWasSent) {
  Fill(5);
  RunningScan scan = Scan(9);
  scan.Rest();
  ASSERT_TRUE(scan.Resume(2).ok());
  EXPECT_EQ(scan.Rest(), Held(keys_));
}

TEST_P(BothKindsTest, TheTokenIsCheckedBeforeEverySlice) {
  Fill(2 * Scanner::kSliceEntriesMax);
  const Seen held = Held(keys_);
  // Each reading takes a millisecond, so that the time is up after some slices.
  clock().set_step(1_ms);
  const DeadlineSource source(Now() + 4_ms);
  auto started = store().scanner().Start(
      {.snapshot = GetParam(), .page = {.entries_max = 1'000}});
  ASSERT_TRUE(started.ok());
  const absl::StatusOr<ScanPage> page = (*started)->Next(source.token());
  ExpectError(page, absl::StatusCode::kDeadlineExceeded,
              ErrorReason::kExpiredBeforeCommit);
  clock().set_step(0);
  // What was read before the end is not lost.
  const absl::StatusOr<ScanPage> again = (*started)->Next(token());
  ASSERT_TRUE(again.ok()) << again.status();
  if (GetParam()) {
    EXPECT_EQ(again->entries.size(), held.size());
  }
}

TEST_P(BothKindsTest, RefusesTokensThatItDidNotMake) {
  Fill(5);
  RunningScan scan = Scan(1, "key");
  scan.Next();
  const std::string good = scan.resume_token();
  const auto refused = [&](std::string_view token, std::string_view prefix) {
    ExpectError(
        StartError(
            {.prefix = prefix, .snapshot = GetParam(), .resume_token = token}),
        absl::StatusCode::kInvalidArgument, ErrorReason::kInvalidField);
  };
  refused("x", "key");
  refused(good + "x", "key");
  refused(good.substr(1), "key");
  refused(good, "ke");
  refused(std::string(1'000'000, 'x'), "key");
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    const absl::Status error = StartError(
        {.prefix = "key", .snapshot = GetParam(), .resume_token = bad});
    // The first 8 bytes say which life of the server made it.
    EXPECT_EQ(error.code(), i < 8 ? absl::StatusCode::kOutOfRange
                                  : absl::StatusCode::kInvalidArgument)
        << i << " " << error;
  }
}

TEST_F(ScannerTest, TokensOfAnotherLifeAreExpired) {
  Fill(5);
  for (const bool snapshot : {false, true}) {
    RunningScan scan = Start(snapshot);
    scan.Next();
    SeededRandom random(2);
    Store other({}, clock(), random);
    const auto resumed = other.scanner().Start(
        {.snapshot = snapshot, .resume_token = scan.resume_token()});
    ExpectError(resumed, absl::StatusCode::kOutOfRange,
                ErrorReason::kScanExpired);
  }
}

TEST_F(ScannerTest, AFuzzyTokenDoesNotMakeASnapshot) {
  Fill(5);
  RunningScan scan = Fuzzy();
  scan.Next();
  ExpectError(
      StartError({.snapshot = true, .resume_token = scan.resume_token()}),
      absl::StatusCode::kInvalidArgument, ErrorReason::kInvalidField);
}

// What SCAN_EXPIRED advises.
TEST_F(ScannerTest, AFuzzyScanGoesOnWithATokenOfASnapshot) {
  Fill(100);
  RunningScan scan = Snapshot(150);
  Seen seen = scan.Next();
  RunningScan rest(
      store(),
      {.page = {.entries_max = 1000}, .resume_token = scan.resume_token()},
      token());
  const Seen others = rest.Rest();
  // The first shard was sent whole, the second not.
  EXPECT_EQ(others.size(), 300u);
  seen.insert(others.begin(), others.end());
  for (const std::string& entry : Held(keys_)) {
    EXPECT_TRUE(seen.contains(entry)) << entry;
  }
}

TEST_F(ScannerTest, FuzzySeesWhatIsThereThroughout) {
  Fill(200);
  RunningScan scan = Fuzzy(10);
  // Half of the keys go, one by one, and as many come.
  std::vector<std::string> stay;
  size_t next = 0;
  while (!scan.at_end()) {
    scan.Next();
    for (int i = 0; i < 6 && next < keys_.size(); ++i, ++next) {
      if (next % 2 == 0) {
        Delete(keys_[next]);
        Put(KeyIn(static_cast<ShardIndex>(next)), "new");
      } else {
        stay.push_back(keys_[next]);
        Put(keys_[next], "changed");
      }
    }
  }
  std::set<std::string> seen;
  for (const std::string& entry : scan.seen()) {
    seen.insert(entry.substr(0, entry.find('=')));
  }
  EXPECT_GT(stay.size(), 200u);
  for (const std::string& key : stay) {
    EXPECT_TRUE(seen.contains(key)) << key << " was missed";
  }
}

TEST_F(ScannerTest, ASnapshotWaits30SecondsForItsClient) {
  Fill(50);
  const Seen held = Held(keys_);
  RunningScan scan = Snapshot(20);
  scan.Next();
  // A stream that reads slowly is not idle.
  Advance(SnapshotTable::kIdleMax * 10);
  store().scanner().Sweep(1'000);
  scan.Next();
  scan.Break();
  for (const std::string& key : keys_) Put(key, "new");
  Advance(SnapshotTable::kIdleMax - 1);
  EXPECT_EQ(store().scanner().Sweep(1'000), 0u);
  ASSERT_TRUE(scan.Resume(1).ok());
  scan.Next();
  EXPECT_EQ(scan.Rest(), held);
}

TEST_F(ScannerTest, ASnapshotThatNobodyReadsEnds) {
  Fill(kSlice);
  RunningScan scan = Snapshot(kSlice / 2);
  scan.Next();
  scan.Break();
  for (const std::string& key : keys_) Put(key, "new");
  Advance(SnapshotTable::kIdleMax);
  // The images of what was not read: a slice is read at a time.
  EXPECT_EQ(store().scanner().Sweep(1'000), 3 * kSlice);
  ExpectError(scan.Resume(), absl::StatusCode::kOutOfRange,
              ErrorReason::kScanExpired);
  for (const std::string& key : keys_) Put(key, "newer");
  EXPECT_EQ(store().scanner().Sweep(1'000), 0u) << "no more images are left";
}

// Images that the scan took from their shard count until they are read, or the
// scan ends among them.
TEST_F(ScannerTest, ImagesCountAsLongAsTheyAreThere) {
  Fill(3 * kSlice);
  const auto rewrite = [&] {
    for (const std::string& key : keys_) Put(key, "other");
  };
  const auto end = [&](RunningScan& scan) {
    scan.Break();
    Advance(SnapshotTable::kIdleMax);
    store().scanner().Sweep(1'000);
  };
  rewrite();
  const size_t before = store().memory().used();
  for (const int pages : {0, 1, 3, 4}) {
    RunningScan scan = Snapshot(kSlice);
    rewrite();
    EXPECT_GT(store().memory().used(), before);
    for (int page = 0; page < pages; ++page) scan.Next();
    end(scan);
    EXPECT_EQ(store().memory().used(), before) << pages;
  }
  RunningScan scan = Snapshot(kSlice);
  rewrite();
  EXPECT_EQ(scan.Rest().size(), keys_.size());
  end(scan);
  EXPECT_EQ(store().memory().used(), before);
}

TEST_F(ScannerTest, ASweepIsBounded) {
  Fill(kSlice);
  RunningScan scan = Snapshot(kSlice / 2);
  scan.Next();
  scan.Break();
  for (const std::string& key : keys_) Delete(key);
  Advance(SnapshotTable::kIdleMax);
  // Shard by shard.
  EXPECT_EQ(store().scanner().Sweep(kSlice - 1), kSlice);
  EXPECT_EQ(store().scanner().Sweep(kSlice - 1), kSlice);
  ExpectError(scan.Resume(), absl::StatusCode::kOutOfRange,
              ErrorReason::kScanExpired);
  EXPECT_EQ(store().scanner().Sweep(100), kSlice);
}

TEST_F(ScannerTest, TheLastStreamHasTheScan) {
  Fill(50);
  RunningScan first = Snapshot(20);
  first.Next();
  auto second = store().scanner().Start(
      {.snapshot = true, .resume_token = first.resume_token()});
  ASSERT_TRUE(second.ok());
  ExpectError(first.Try(), absl::StatusCode::kOutOfRange,
              ErrorReason::kScanExpired);
  first.Break();
  Advance(SnapshotTable::kIdleMax);
  store().scanner().Sweep(1'000);
  EXPECT_TRUE((*second)->Next(token()).ok())
      << "the end of the first stream is not the scan's";
}

TEST_F(ScannerTest, SnapshotsAreBoundedInNumber) {
  Fill(5);
  std::vector<RunningScan> scans;
  for (size_t i = 0; i < kSnapshotsMax; ++i) scans.push_back(Snapshot());
  ExpectError(StartError({.snapshot = true}), absl::StatusCode::kUnavailable,
              ErrorReason::kOverloaded);
  // One that has sent everything gives way as soon as its stream has ended.
  scans[3].Rest();
  ExpectError(StartError({.snapshot = true}), absl::StatusCode::kUnavailable,
              ErrorReason::kOverloaded);
  scans[3].Break();
  scans.push_back(Snapshot());
  ExpectError(scans[3].Resume(1), absl::StatusCode::kOutOfRange,
              ErrorReason::kScanExpired);
  // So does one that was idle for too long.
  scans[5].Break();
  ExpectError(StartError({.snapshot = true}), absl::StatusCode::kUnavailable,
              ErrorReason::kOverloaded);
  Advance(SnapshotTable::kIdleMax);
  store().scanner().Sweep(1'000);
  scans.push_back(Snapshot());
  for (size_t i = 0; i < scans.size(); ++i) {
    if (i == 3 || i == 5) continue;
    EXPECT_EQ(scans[i].Rest(), Held(keys_)) << i;
  }
  // Fuzzy scans are not counted.
  EXPECT_EQ(Fuzzy().Rest(), Held(keys_));
}

// A place is used anew, and knows nothing of its last scan.
TEST_F(ScannerTest, ManySnapshotsOneAfterTheOther) {
  Fill(70);
  for (int i = 0; i < 100; ++i) {
    RunningScan scan = Snapshot(50);
    const Seen held = Held(keys_);
    scan.Next();
    const std::string& key = keys_[static_cast<size_t>(i)];
    Touch(key, Never());
    Put(keys_[200], std::to_string(i));
    if (i % 3 == 0) {
      Delete(key);
      Put(key, "again");
    }
    if (i % 5 == 0) continue;
    ASSERT_EQ(scan.Rest(), held) << i;
    if (i % 16 == 15) {
      Advance(SnapshotTable::kIdleMax);
      store().scanner().Sweep(10'000);
    }
  }
}

class SmallImagesTest : public ScannerTest {
 protected:
  // Room for ten images of what Fill() puts.
  SmallImagesTest() : ScannerTest({.snapshot_bytes_max = kBytesMax}) {}

  // An image is a key of 4 to 8 bytes, a value of 5, and 96.
  static constexpr size_t kBytesMax = 1'150;
  static_assert(10 * 109 <= kBytesMax && kBytesMax < 11 * 105);
};

TEST_F(SmallImagesTest, ASnapshotIsLostWhenTooMuchChanges) {
  Fill(50);
  const Seen held = Held(keys_);
  RunningScan scan = Snapshot(20);
  scan.Next();
  for (size_t i = 0; i < 10; ++i) Put(keys_[190 + i], "new");
  scan.Next();
  Put(keys_[180], "new");
  const absl::StatusOr<ScanPage> page = scan.Try();
  ExpectError(page, absl::StatusCode::kOutOfRange, ErrorReason::kScanExpired);
  ASSERT_TRUE(scan.Resume(1).ok());
  ExpectError(scan.Try(), absl::StatusCode::kOutOfRange,
              ErrorReason::kScanExpired);
  // Writers leave no more, and what was left is freed.
  for (const std::string& key : keys_) Put(key, "newer");
  EXPECT_EQ(store().scanner().Sweep(1'000), 11u);
  EXPECT_EQ(Snapshot(50).Rest(), Held(keys_));
}

TEST_F(SmallImagesTest, ALostSnapshotHoldsNoPlace) {
  Fill(50);
  std::vector<RunningScan> scans;
  for (size_t i = 0; i < kSnapshotsMax; ++i) scans.push_back(Snapshot());
  for (const std::string& key : keys_) Put(key, "new");
  store().scanner().Sweep(1'000);
  EXPECT_EQ(Snapshot(50).Rest(), Held(keys_));
}

TEST_F(SmallImagesTest, WhatWasSentMakesRoom) {
  Fill(kSlice);
  const Seen held = Held(keys_);
  RunningScan scan = Snapshot(1);
  for (const std::string& key : keys_) {
    // Far behind the scan, which reads each of these shards at once.
    scan.Next();
    Put(key, "new");
  }
  EXPECT_EQ(scan.Rest(), held);
}

TEST_F(SmallImagesTest, WhatTheScanWillNotShowTakesNoRoom) {
  Fill(50);
  Put("prefix:1", "1");
  for (const std::string& key : keys_) Touch(key, Ttl(5_ms));
  Advance(5_ms);
  RunningScan scan = Snapshot(1);
  RunningScan other = Snapshot(1, "prefix:");
  EXPECT_EQ(store().SweepExpired(1'000), keys_.size());
  for (const std::string& key : keys_) Put(key, "new");
  for (const std::string& key : keys_) Put(key, "newer");
  EXPECT_EQ(scan.Rest(), Held({"prefix:1"}));
  EXPECT_EQ(other.Rest(), Held({"prefix:1"}));
}

TEST_F(SmallImagesTest, OneEntryLeavesOneImage) {
  Fill(50);
  const Seen held = Held(keys_);
  RunningScan scan = Snapshot(20);
  for (int i = 0; i < 100; ++i) {
    Put(keys_[199], std::to_string(i));
    Touch(keys_[198], Ttl(kNanosPerSecond));
  }
  EXPECT_EQ(scan.Rest(), held);
}

// Sent entries are kept for a broken stream, up to a bound.
TEST_F(ScannerTest, WhatWasSentLongAgoIsNotKept) {
  const std::string value(1024 * 1024, 'v');
  for (const std::string& key : KeysIn(9, 30)) Put(key, value);
  RunningScan scan = Snapshot(1);
  for (int i = 0; i < 20; ++i) scan.Next();
  ASSERT_TRUE(scan.Resume(7).ok());
  scan.Next();
  ASSERT_TRUE(scan.Resume(12).ok());
  ExpectError(scan.Try(), absl::StatusCode::kOutOfRange,
              ErrorReason::kScanExpired);
}

}  // namespace
}  // namespace latchkey
