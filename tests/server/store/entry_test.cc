#include "server/store/entry.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "server/access/account_table.h"

namespace latchkey {
namespace {

TEST(EntryTest, HoldsKeyValueFlagsAndExpiry) {
  const EntryRef entry = Entry::Make("key", "value", 7, 1000);
  EXPECT_EQ(entry->key(), "key");
  EXPECT_EQ(entry->value(), "value");
  EXPECT_EQ(entry->flags(), 7u);
  EXPECT_EQ(entry->expire_time(), 1000);
  EXPECT_EQ(entry->version(), 0u);
}

TEST(EntryTest, KeepsBytesThatAreNoText) {
  const std::string key("\0k\xff", 3);
  const std::string value("\0\0v\xfe\0", 5);
  const EntryRef entry = Entry::Make(key, value, 0, kNever);
  EXPECT_EQ(entry->key(), key);
  EXPECT_EQ(entry->value(), value);
}

TEST(EntryTest, TakesTheLimitsOfTheContract) {
  const std::string key(1024, 'k');
  const std::string value(1 << 20, 'v');
  const EntryRef entry = Entry::Make(key, value, UINT32_MAX, kNever);
  EXPECT_EQ(entry->key(), key);
  EXPECT_EQ(entry->value(), value);
  EXPECT_EQ(entry->flags(), UINT32_MAX);
  EXPECT_EQ(Entry::Make("k", "", 0, kNever)->value(), "");
}

// They are stored only where there are some.
TEST(EntryTest, FlagsAreKeptAndCostNothingWhereThereAreNone) {
  const std::string value(48, 'v');
  for (const uint32_t flags : {0u, 1u, 0x80000000u, UINT32_MAX}) {
    const EntryRef entry = Entry::Make("0123456789abcdef", value, flags, 5);
    EXPECT_EQ(entry->flags(), flags);
    EXPECT_EQ(entry->key(), "0123456789abcdef");
    EXPECT_EQ(entry->value(), value);
    EXPECT_EQ(entry->bytes(), flags == 0 ? 96u : 112u);
    EXPECT_EQ(entry->bytes(), Entry::BytesOf(entry->key(), value, flags));
  }
}

// It is stored only where there is one, and flags with it.
TEST(EntryTest, AnOwnerIsKeptAndCostsNothingWhereThereIsNone) {
  for (const uint32_t flags : {0u, UINT32_MAX}) {
    const EntryRef entry = Entry::Make("0123456789abcdef", "value", flags, 5,
                                       /*room=*/nullptr, kAccountNumberMax);
    EXPECT_EQ(entry->owner(), kAccountNumberMax);
    EXPECT_EQ(entry->flags(), flags);
    EXPECT_EQ(entry->key(), "0123456789abcdef");
    EXPECT_EQ(entry->value(), "value");
    EXPECT_EQ(entry->bytes(), Entry::BytesOf(16, 5, flags != 0, true));
    const size_t bytes = entry->bytes();
    entry->ClearOwner();
    EXPECT_EQ(entry->owner(), kNoAccount);
    EXPECT_EQ(entry->flags(), flags);
    EXPECT_EQ(entry->bytes(), bytes);
    EXPECT_EQ(Entry::Make("key", "value", flags, 5)->owner(), kNoAccount);
  }
}

TEST(EntryTest, CopiesWhatItWasMadeOf) {
  std::string key = "key";
  std::string value = "value";
  const EntryRef entry = Entry::Make(key, value, 0, kNever);
  key = "xxx";
  value = "xxxxx";
  EXPECT_EQ(entry->key(), "key");
  EXPECT_EQ(entry->value(), "value");
}

TEST(EntryRefTest, OutlivesTheReferenceItWasCopiedFrom) {
  EntryRef second;
  {
    EntryRef first = Entry::Make("k", "v", 0, kNever);
    second = first;
    EXPECT_EQ(second.get(), first.get());
  }
  EXPECT_EQ(second->value(), "v");
}

TEST(EntryRefTest, MovedFromIsNull) {
  EntryRef first = Entry::Make("k", "v", 0, kNever);
  Entry* const entry = first.get();
  EntryRef second = std::move(first);
  EXPECT_EQ(first.get(), nullptr);  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(second.get(), entry);
  EXPECT_FALSE(EntryRef());
}

TEST(EntryRefTest, SurvivesAssignmentToItself) {
  EntryRef ref = Entry::Make("k", "v", 0, kNever);
  EntryRef& alias = ref;
  ref = alias;
  EXPECT_EQ(ref->value(), "v");
}

// The sanitizers see a leak or an early end, should a count be lost.
TEST(EntryRefTest, ThreadsTakeAndDropReferencesOfTheirOwn) {
  const EntryRef entry = Entry::Make("k", "v", 0, kNever);
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([copy = entry] {
      for (int i = 0; i < 10'000; ++i) {
        const EntryRef own = copy;
        ASSERT_EQ(own->value(), "v");
      }
    });
  }
}

TEST(EntryDeathTest, RefusesSizesThatItsHeaderCannotHold) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const std::string key(65'536, 'k');
  EXPECT_DEATH(Entry::Make(key, "", 0, kNever), "limits");
  const std::string value(size_t{1} << 24, 'v');
  EXPECT_DEATH(Entry::Make("k", value, 0, kNever), "limits");
}

}  // namespace
}  // namespace latchkey
