// Get, BatchGet and the atomic read, and how much one answer may carry.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/server/store/store_fixture.h"

namespace latchkey {
namespace {

using enum absl::StatusCode;

class GetTest : public StoreTest {};
class BatchGetTest : public StoreTest {};

// A store whose answers hold one value of kHalf bytes and something beside it,
// two of kQuarter bytes, but not two of kHalf.
class AnswerSizeTest : public StoreTest {
 protected:
  static constexpr size_t kMax = 10'000;
  static constexpr size_t kHalf = kMax / 2;
  static constexpr size_t kQuarter = kMax / 4;

  AnswerSizeTest() : StoreTest({.result_bytes_max = kMax}) {}

  template <typename T>
  static void ExpectTooLarge(const T& result) {
    ExpectError(result, kResourceExhausted, ErrorReason::kResponseTooLarge);
  }

  const std::string half_ = std::string(kHalf, 'h');
  const std::string quarter_ = std::string(kQuarter, 'q');
};

TEST_F(GetTest, OfAMissingKeyIsAMiss) {
  const auto got = store().Get({.key = "k"}, token());
  ASSERT_TRUE(got.ok());
  EXPECT_FALSE(got->found.entry);
  EXPECT_FALSE(got->not_modified);
  EXPECT_EQ(got->touched_expire_time, kNever);
}

TEST_F(GetTest, TakesNoVersion) {
  const uint64_t version = Put("k", "v");
  ExpectValue("k", "v");
  EXPECT_EQ(store().last_version(), version);
}

TEST_F(GetTest, LeavesOutAnEntryOfTheVersionThatTheCallerHas) {
  const uint64_t version = Put("k", "v");
  const auto same =
      store().Get({.key = "k", .if_version_not = version}, token());
  EXPECT_TRUE(same->not_modified);
  EXPECT_FALSE(same->found.entry);

  const auto other =
      store().Get({.key = "k", .if_version_not = version - 1}, token());
  EXPECT_FALSE(other->not_modified);
  ASSERT_TRUE(other->found.entry);
  EXPECT_EQ(other->found.entry->value(), "v");

  Delete("k");
  const auto gone =
      store().Get({.key = "k", .if_version_not = version}, token());
  EXPECT_FALSE(gone->not_modified);
  EXPECT_FALSE(gone->found.entry);
}

TEST_F(GetTest, AnAnswerOutlivesItsEntry) {
  Put("k", "v");
  const EntryView view = Look("k");
  Put("k", "w");
  Delete("k");
  EXPECT_EQ(view.entry->value(), "v");
}

TEST_F(BatchGetTest, AnswersInTheOrderOfTheRequestAndKeysMayComeTwice) {
  Put("a", "1");
  Put("b", "2");
  const std::string_view keys[] = {"b", "x", "a", "b"};
  for (const auto& got : {store().BatchGet(keys, token()),
                          store().BatchGetAtomic(keys, token())}) {
    ASSERT_TRUE(got.ok()) << got.status();
    ASSERT_EQ(got->results.size(), 4u);
    EXPECT_EQ(got->results[0].found.entry->value(), "2");
    EXPECT_FALSE(got->results[1].found.entry);
    EXPECT_EQ(got->results[2].found.entry->value(), "1");
    EXPECT_EQ(got->results[3].found.entry->value(), "2");
  }
}

TEST_F(BatchGetTest, OfNoKeysIsEmpty) {
  EXPECT_TRUE(store().BatchGet({}, token())->results.empty());
  EXPECT_TRUE(store().BatchGetAtomic({}, token())->results.empty());
}

TEST_F(BatchGetTest, OnlyAnAtomicOneNamesItsVersion) {
  Put("a", "1");
  const uint64_t version = Put("elsewhere", "2");
  const std::string_view keys[] = {"a"};
  EXPECT_EQ(store().BatchGetAtomic(keys, token())->snapshot_version, version);
  EXPECT_EQ(store().BatchGet(keys, token())->snapshot_version, kNoVersion);
  EXPECT_EQ(store().last_version(), version);
}

TEST_F(BatchGetTest, TakesTheMostKeysOfTheContract) {
  std::vector<std::string> keys;
  for (int i = 0; i < 10'000; ++i) keys.push_back("k" + std::to_string(i));
  for (size_t i = 0; i < keys.size(); i += 2) Put(keys[i], keys[i]);
  const std::vector<std::string_view> views(keys.begin(), keys.end());
  const auto got = store().BatchGet(views, token());
  ASSERT_TRUE(got.ok()) << got.status();
  ASSERT_EQ(got->results.size(), keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    const EntryRef& entry = got->results[i].found.entry;
    ASSERT_EQ(static_cast<bool>(entry), i % 2 == 0);
    if (entry) {
      ASSERT_EQ(entry->value(), keys[i]);
    }
  }
}

TEST_F(BatchGetTest, AtomicTakesTheMostKeysOfTheContract) {
  std::vector<std::string> keys;
  for (size_t i = 0; i < Store::kOperationsMax; ++i) {
    keys.push_back("k" + std::to_string(i));
    Put(keys.back(), keys.back());
  }
  const std::vector<std::string_view> views(keys.begin(), keys.end());
  const auto got = store().BatchGetAtomic(views, token());
  ASSERT_TRUE(got.ok()) << got.status();
  for (size_t i = 0; i < keys.size(); ++i) {
    ASSERT_EQ(got->results[i].found.entry->value(), keys[i]);
  }
}

TEST_F(AnswerSizeTest, BoundsBothBatchReads) {
  Put("a", half_);
  Put("b", quarter_);
  const std::string_view keys[] = {"a", "b", "missing"};
  EXPECT_TRUE(store().BatchGet(keys, token()).ok());
  EXPECT_TRUE(store().BatchGetAtomic(keys, token()).ok());
  Put("b", half_);
  ExpectTooLarge(store().BatchGet(keys, token()));
  ExpectTooLarge(store().BatchGetAtomic(keys, token()));
}

TEST_F(AnswerSizeTest, AKeyThatComesTwiceCountsTwice) {
  Put("a", half_);
  const std::string_view keys[] = {"a", "a"};
  ExpectTooLarge(store().BatchGet(keys, token()));
  ExpectTooLarge(store().BatchGetAtomic(keys, token()));
  ExpectTooLarge(
      Transact({GetOperation{.key = "a"}, GetOperation{.key = "a"}}));
}

TEST_F(AnswerSizeTest, CountsKeysToo) {
  std::string long_key(1000, 'k');
  std::vector<std::string> keys;
  for (char c = 'a'; c < 'a' + 11; ++c) {
    long_key[0] = c;
    keys.push_back(long_key);
    Put(keys.back(), "");
  }
  const std::vector<std::string_view> views(keys.begin(), keys.end());
  ExpectTooLarge(store().BatchGet(views, token()));
  EXPECT_TRUE(store().BatchGet(std::span(views).first(5), token()).ok());
}

TEST_F(AnswerSizeTest, ATransactionWithALargerAnswerChangesNothing) {
  const auto transact = [&] {
    return Transact({PutOperation{.key = "b", .value = "w"},
                     DeleteOperation{.key = "a", .return_previous = true},
                     PutOperation{.key = "c", .value = "x"},
                     TouchOperation{.key = "d", .expiration = Ttl(1_ms)},
                     GetOperation{.key = "d"}});
  };
  Put("a", half_);
  Put("d", half_);
  ExpectTooLarge(ExpectNoTrace(transact));
  ExpectValue("a", half_);
  ExpectMissing("b");
  ExpectMissing("c");
  EXPECT_EQ(ExpiryOf("d"), kNever);
  Put("d", quarter_);
  EXPECT_TRUE(transact().ok());
}

TEST_F(AnswerSizeTest, CountsPreviousEntries) {
  Put("a", half_);
  Put("b", half_);
  ExpectTooLarge(ExpectNoTrace([&] {
    return Batch(
        "puts",
        {PutOperation{.key = "a", .value = "x", .return_previous = true},
         PutOperation{.key = "b", .value = "x", .return_previous = true}});
  }));
  ExpectTooLarge(ExpectNoTrace([&] {
    return Batch("deletes",
                 {DeleteOperation{.key = "a", .return_previous = true},
                  DeleteOperation{.key = "b", .return_previous = true}});
  }));
  ExpectValue("a", half_);
  ExpectValue("b", half_);
}

// What is written is not answered.
TEST_F(AnswerSizeTest, DoesNotCountWhatIsNotSent) {
  const std::string value(2 * kMax, 'v');
  const uint64_t version = Put("a", value);
  EXPECT_TRUE(Do(PutOperation{.key = "b", .value = value}).ok());
  EXPECT_TRUE(
      Transact({GetOperation{.key = "a", .if_version_not = version},
                MoveOperation{.source_key = "a", .destination_key = "c"},
                PutOperation{.key = "b", .value = "w"},
                DeleteOperation{.key = "c"}})
          .ok());
}

}  // namespace
}  // namespace latchkey
