// The index finds all that has expired, and nothing else, whatever happens to
// the order meanwhile.

#include "server/store/expiry_index.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <vector>

#include "absl/strings/str_cat.h"

namespace latchkey {
namespace {

constexpr Nanos kDay = 24 * 3600 * kNanosPerSecond;

class ExpiryIndexTest : public testing::Test {
 protected:
  static constexpr UnixNanos kStart = 1'000 * kDay;

  Entry& Put(UnixNanos expire_time) {
    entries_.push_back(
        Entry::Make(absl::StrCat(entries_.size()), "", 0, expire_time));
    order_.Reserve(entries_.size());
    index_.Reserve(entries_.size());
    Entry& entry = order_.Append(entries_.back());
    index_.Add(entry);
    return entry;
  }

  void Remove(Entry& entry) {
    index_.Remove(entry);
    order_.Remove(entry);
  }

  void SetExpireTime(Entry& entry, UnixNanos expire_time) {
    entry.set_expire_time(expire_time);
    index_.Set(entry);
  }

  Entry* Next(UnixNanos now) {
    Entry* entry = nullptr;
    return index_.Find(now, {&entry, 1}) == 1 ? entry : nullptr;
  }

  // With as many calls as that takes.
  size_t RemoveExpired(UnixNanos now) {
    size_t removed = 0;
    for (int fruitless = 0; fruitless < 1'000;) {
      Entry* const entry = Next(now);
      if (entry == nullptr) {
        ++fruitless;
        continue;
      }
      EXPECT_LE(entry->expire_time(), now);
      Remove(*entry);
      ++removed;
    }
    return removed;
  }

  std::vector<EntryRef> entries_;
  EntryOrder order_;
  ExpiryIndex index_{order_, kStart};
};

TEST_F(ExpiryIndexTest, FindsAnEntryFromItsExpiryOn) {
  EXPECT_EQ(Next(kStart), nullptr);
  Put(kNever);
  Entry& entry = Put(kStart + 5);
  Put(kNever);
  EXPECT_EQ(index_.expiring(), 1u);
  EXPECT_EQ(Next(kStart + 4), nullptr);
  EXPECT_EQ(Next(kStart + 5), &entry);
  EXPECT_EQ(Next(kNever - 1), &entry);
  Remove(entry);
  EXPECT_EQ(Next(kNever - 1), nullptr);
  EXPECT_EQ(index_.expiring(), 0u);
}

TEST_F(ExpiryIndexTest, FollowsTheExpiryOfAnEntry) {
  Entry& entry = Put(kStart + kDay);
  SetExpireTime(entry, kStart + 2 * kDay);
  EXPECT_EQ(Next(kStart + kDay), nullptr);
  SetExpireTime(entry, kStart + kDay / 2);
  EXPECT_EQ(Next(kStart + kDay / 2), &entry);
  SetExpireTime(entry, kNever);
  EXPECT_EQ(Next(kNever - 1), nullptr);
  EXPECT_EQ(index_.expiring(), 0u);
  SetExpireTime(entry, kStart);
  EXPECT_EQ(Next(kStart), &entry);
}

TEST_F(ExpiryIndexTest, WhatExpiredBeforeTheStartIsFound) {
  Entry& entry = Put(kStart - kDay);
  EXPECT_EQ(Next(kStart - kDay - 1), nullptr);
  EXPECT_EQ(Next(kStart - kDay), &entry);
}

TEST_F(ExpiryIndexTest, WhatIsNineYearsAwayIsNotFoundBefore) {
  Entry& near = Put(kStart + 9 * 365 * kDay);
  Put(kStart + 10 * 365 * kDay);
  Put(kStart + 99 * 365 * kDay);
  EXPECT_EQ(Next(kStart + 9 * 365 * kDay - 1), nullptr);
  EXPECT_EQ(Next(kStart + 9 * 365 * kDay), &near);
  // As said: not by the index.
  Remove(near);
  EXPECT_EQ(Next(kStart + 9 * 365 * kDay + kDay), nullptr);
  EXPECT_EQ(index_.expiring(), 2u);
}

// Entries that expire in the same moment from now, which only a look at each
// can tell from those that have: a call looks at few, and the next ones at
// others.
TEST_F(ExpiryIndexTest, ACallLooksAtFewAndALaterOneGoesOn) {
  for (int i = 0; i < 10'000; ++i) Put(kStart + 2);
  Entry& entry = Put(kStart + 1);
  for (int i = 0; i < 10'000; ++i) Put(kStart + 2);
  int calls = 1;
  while (Next(kStart + 1) != &entry) ASSERT_LT(++calls, 1'000);
  EXPECT_GT(calls, 100);
  EXPECT_EQ(RemoveExpired(kStart + 1), 1u);
  EXPECT_EQ(RemoveExpired(kStart + 2), 20'000u);
}

TEST_F(ExpiryIndexTest, AgreesWithTheEntriesAtRandom) {
  std::mt19937_64 random(20'261'126);
  const auto below = [&](size_t n) { return random() % n; };
  UnixNanos now = kStart;
  std::vector<Entry*> live;
  const auto forget = [&](Entry& entry) { std::erase(live, &entry); };
  const auto some_time = [&] {
    if (below(4) == 0) return kNever;
    return now + static_cast<Nanos>(below(size_t{20} * kNanosPerSecond)) + 1;
  };
  size_t found = 0;
  for (int step = 0; step < 20'000; ++step) {
    SCOPED_TRACE(step);
    switch (below(7)) {
      case 0:
        if (live.empty()) break;
        if (Entry& entry = *live[below(live.size())]; true) {
          Remove(entry);
          forget(entry);
        }
        break;
      case 1:
        if (live.empty()) break;
        SetExpireTime(*live[below(live.size())], some_time());
        break;
      case 2:
        now += static_cast<Nanos>(below(100)) * kNanosPerMilli;
        for (;;) {
          Entry* const entry = Next(now);
          if (entry == nullptr) break;
          ASSERT_LE(entry->expire_time(), now);
          forget(*entry);
          Remove(*entry);
          ++found;
        }
        // None was left, unless it is one of those that need another call.
        for (const Entry* entry : live) {
          ASSERT_GT(entry->expire_time(), now - kNanosPerSecond);
        }
        break;
      default:
        live.push_back(&Put(some_time()));
    }
    size_t expiring = 0;
    for (const Entry* entry : live) {
      expiring += entry->expire_time() != kNever ? 1 : 0;
    }
    ASSERT_EQ(index_.expiring(), expiring);
  }
  EXPECT_GT(found, 1'000u);
}

}  // namespace
}  // namespace latchkey
