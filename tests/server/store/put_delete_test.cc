// Put and Delete, their batches, and what a precondition demands.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "tests/server/store/store_fixture.h"

namespace latchkey {
namespace {

using enum absl::StatusCode;

class PutTest : public StoreTest {};
class DeleteTest : public StoreTest {};
class BatchTest : public StoreTest {};

TEST_F(PutTest, WritesWhatGetThenReads) {
  PutWithFlags("k", "v", 7, Ttl(10_ms));
  ExpectValue("k", "v");
  EXPECT_EQ(FlagsOf("k"), 7u);
  EXPECT_EQ(ExpiryOf("k"), kStart + 10_ms);
  EXPECT_EQ(store().EntryCount(), 1u);
}

TEST_F(PutTest, ReplacesValueFlagsAndExpiryTogether) {
  PutWithFlags("k", "old", 7, Ttl(10_ms));
  Put("k", "new");
  ExpectValue("k", "new");
  EXPECT_EQ(FlagsOf("k"), 0u);
  EXPECT_EQ(ExpiryOf("k"), kNever);
  EXPECT_EQ(store().EntryCount(), 1u);
}

TEST_F(PutTest, TellsKeysApartByEveryByte) {
  const std::string nul("k\0", 2);
  Put("k", "one");
  Put(nul, "two");
  Put("K", "three");
  ExpectValue("k", "one");
  ExpectValue(nul, "two");
  ExpectValue("K", "three");
}

TEST_F(PutTest, AnEmptyValueIsNotAMiss) {
  Put("k", "");
  ExpectValue("k", "");
}

TEST_F(PutTest, AnswersExpiryAndVersion) {
  const WriteResult forever = Do(PutOperation{.key = "k", .value = "v"});
  EXPECT_EQ(ResultOf<PutResult>(forever).expire_time, kNever);
  EXPECT_EQ(forever->version, VersionOf("k"));
  EXPECT_TRUE(forever->succeeded);
  const WriteResult soon =
      Do(PutOperation{.key = "k", .value = "v", .expiration = Ttl(5_ms)});
  EXPECT_EQ(ResultOf<PutResult>(soon).expire_time, kStart + 5_ms);
}

TEST_F(PutTest, ReturnsThePreviousEntryOnlyWhereAsked) {
  const uint64_t first = PutWithFlags("k", "old", 3, Ttl(9_ms));
  const WriteResult asked =
      Do(PutOperation{.key = "k", .value = "new", .return_previous = true});
  const EntryView& previous = ResultOf<PutResult>(asked).previous;
  ASSERT_TRUE(previous.entry);
  EXPECT_EQ(previous.entry->value(), "old");
  EXPECT_EQ(previous.entry->flags(), 3u);
  EXPECT_EQ(previous.entry->version(), first);
  EXPECT_EQ(previous.expire_time, kStart + 9_ms);

  const WriteResult silent = Do(PutOperation{.key = "k", .value = "newer"});
  EXPECT_FALSE(ResultOf<PutResult>(silent).previous.entry);
}

TEST_F(PutTest, HasNoPreviousWhereTheOldEntryExpired) {
  Put("k", "old", Ttl(10_ms));
  Advance(10_ms);
  const WriteResult written =
      Do(PutOperation{.key = "k", .value = "new", .return_previous = true});
  EXPECT_FALSE(ResultOf<PutResult>(written).previous.entry);
}

// One row for each demand and state of the key.
struct PreconditionCase {
  const char* name;
  Precondition::Kind kind;
  bool present;  // The key holds "v" before the write.
  // What a kVersion or kValue demand names is what the key holds.
  bool matches;
  std::optional<ErrorReason> reason;  // Nothing: the write happens.
};

class PreconditionTest
    : public StoreTest,
      public ::testing::WithParamInterface<PreconditionCase> {
 protected:
  // Runs `operation` of the row's demand, and expects the row's outcome.
  template <typename Operation>
  void Expect(Operation operation) {
    const PreconditionCase& row = GetParam();
    const uint64_t current = row.present ? Put("k", "v") : kNoVersion;
    operation.precondition = {.kind = row.kind};
    if (row.kind == Precondition::Kind::kVersion) {
      operation.precondition.version = row.matches ? current : current + 1;
    }
    if (row.kind == Precondition::Kind::kValue) {
      operation.precondition.value = row.matches ? "v" : "v2";
    }
    const auto write = [&] { return Do(operation); };
    if (!row.reason.has_value()) {
      EXPECT_TRUE(write().ok());
      return;
    }
    const absl::Status status = ExpectNoTrace(write);
    ExpectError(
        status,
        *row.reason == ErrorReason::kKeyExists ? kAlreadyExists : kAborted,
        *row.reason);
    EXPECT_EQ(MetadataOf(status, "current_version"), std::to_string(current));
    EXPECT_EQ(MetadataOf(status, "index"), "(none)");
    if (row.present) {
      ExpectValue("k", "v");
      EXPECT_EQ(VersionOf("k"), current);
    } else {
      ExpectMissing("k");
    }
  }
};

TEST_P(PreconditionTest, OfPut) {
  Expect(PutOperation{.key = "k", .value = "new"});
  if (!GetParam().reason.has_value()) ExpectValue("k", "new");
}

TEST_P(PreconditionTest, OfDelete) {
  Expect(DeleteOperation{.key = "k"});
  if (!GetParam().reason.has_value()) ExpectMissing("k");
}

using Kind = Precondition::Kind;
constexpr ErrorReason kFailed = ErrorReason::kPreconditionFailed;

INSTANTIATE_TEST_SUITE_P(
    AllRows, PreconditionTest,
    ::testing::Values(
        PreconditionCase{"NonePresent", Kind::kNone, true, true, {}},
        PreconditionCase{"NoneMissing", Kind::kNone, false, true, {}},
        PreconditionCase{"ExistsPresent", Kind::kExists, true, true, {}},
        PreconditionCase{"ExistsMissing", Kind::kExists, false, true, kFailed},
        PreconditionCase{"MissingPresent", Kind::kMissing, true, true,
                         ErrorReason::kKeyExists},
        PreconditionCase{"MissingMissing", Kind::kMissing, false, true, {}},
        PreconditionCase{"VersionSame", Kind::kVersion, true, true, {}},
        PreconditionCase{"VersionOther", Kind::kVersion, true, false, kFailed},
        PreconditionCase{"VersionMissing", Kind::kVersion, false, false,
                         kFailed},
        PreconditionCase{"ValueSame", Kind::kValue, true, true, {}},
        PreconditionCase{"ValueOther", Kind::kValue, true, false, kFailed},
        PreconditionCase{"ValueMissing", Kind::kValue, false, true, kFailed}),
    [](const auto& row) { return row.param.name; });

TEST_F(PutTest, AnEmptyValueDemandIsNotMetByAMissingKey) {
  ExpectError(
      Do(PutOperation{.key = "k", .value = "v", .precondition = ValueIs("")}),
      kAborted, ErrorReason::kPreconditionFailed);
  Put("k", "");
  EXPECT_TRUE(
      Do(PutOperation{.key = "k", .value = "v", .precondition = ValueIs("")})
          .ok());
}

TEST_F(PutTest, AnExpiredEntryMeetsTheDemandToBeMissing) {
  const uint64_t version = Put("k", "v", Ttl(10_ms));
  Advance(10_ms);
  const absl::Status status = ExpectNoTrace([&] {
    return Do(PutOperation{
        .key = "k", .value = "w", .precondition = VersionIs(version)});
  });
  EXPECT_EQ(MetadataOf(status, "current_version"), "0");
  EXPECT_TRUE(
      Do(PutOperation{.key = "k", .value = "w", .precondition = Missing()})
          .ok());
}

TEST_F(DeleteTest, RemovesTheEntry) {
  Put("k", "v");
  const WriteResult deleted = Do(DeleteOperation{.key = "k"});
  EXPECT_TRUE(ResultOf<DeleteResult>(deleted).deleted);
  EXPECT_FALSE(ResultOf<DeleteResult>(deleted).previous.entry);
  EXPECT_EQ(deleted->version, store().last_version());
  ExpectMissing("k");
  EXPECT_EQ(store().EntryCount(), 0u);
}

TEST_F(DeleteTest, OfAMissingKeyIsNoErrorAndNoCommit) {
  const uint64_t before = Put("other", "v");
  const WriteResult deleted = Do(DeleteOperation{.key = "k"});
  EXPECT_FALSE(ResultOf<DeleteResult>(deleted).deleted);
  EXPECT_EQ(deleted->version, kNoVersion);
  EXPECT_EQ(store().last_version(), before);
}

TEST_F(DeleteTest, OfAnExpiredKeyIsThatOfAMissingOne) {
  const uint64_t before = Put("k", "v", Ttl(10_ms));
  Advance(10_ms);
  const WriteResult deleted =
      Do(DeleteOperation{.key = "k", .return_previous = true});
  EXPECT_FALSE(ResultOf<DeleteResult>(deleted).deleted);
  EXPECT_FALSE(ResultOf<DeleteResult>(deleted).previous.entry);
  EXPECT_EQ(deleted->version, kNoVersion);
  EXPECT_EQ(store().last_version(), before);
}

TEST_F(DeleteTest, ReturnsThePreviousEntryWhereAsked) {
  const uint64_t version = PutWithFlags("k", "v", 4, Ttl(3_ms));
  const WriteResult deleted =
      Do(DeleteOperation{.key = "k", .return_previous = true});
  const EntryView& previous = ResultOf<DeleteResult>(deleted).previous;
  ASSERT_TRUE(previous.entry);
  EXPECT_EQ(previous.entry->value(), "v");
  EXPECT_EQ(previous.entry->flags(), 4u);
  EXPECT_EQ(previous.entry->version(), version);
  EXPECT_EQ(previous.expire_time, kStart + 3_ms);
}

TEST_F(BatchTest, PutsAreOneCommit) {
  const WriteResult written = Batch(
      "puts", {PutOperation{.key = "a", .value = "1"},
               PutOperation{.key = "b", .value = "2", .expiration = Ttl(5_ms)},
               PutOperation{.key = "c", .value = "3"}});
  ASSERT_TRUE(written.ok()) << written.status();
  ASSERT_EQ(written->results.size(), 3u);
  EXPECT_EQ(ResultOf<PutResult>(written, 1).expire_time, kStart + 5_ms);
  EXPECT_EQ(VersionOf("a"), written->version);
  EXPECT_EQ(VersionOf("b"), written->version);
  EXPECT_EQ(VersionOf("c"), written->version);
  EXPECT_EQ(store().last_version(), written->version);
}

TEST_F(BatchTest, OneFailingPutUndoesAll) {
  const uint64_t version = Put("b", "old");
  const absl::Status status = ExpectNoTrace([&] {
    return Batch(
        "puts",
        {PutOperation{.key = "a", .value = "1"},
         PutOperation{.key = "b", .value = "2", .precondition = Missing()},
         PutOperation{.key = "c", .value = "3"}});
  });
  ExpectError(status, kAlreadyExists, ErrorReason::kKeyExists);
  EXPECT_EQ(MetadataOf(status, "index"), "1");
  EXPECT_EQ(MetadataOf(status, "current_version"), std::to_string(version));
  ExpectMissing("a");
  ExpectValue("b", "old");
  ExpectMissing("c");
}

TEST_F(BatchTest, ABadFieldIsNamedByItsPath) {
  const absl::Status status = ExpectNoTrace([&] {
    return Batch(
        "puts",
        {PutOperation{.key = "a", .value = "1"},
         PutOperation{.key = "b", .value = "2", .expiration = At(kStart)}});
  });
  ExpectError(status, kInvalidArgument, ErrorReason::kInvalidExpiration);
  EXPECT_EQ(GetErrorDetails(status)->field, "puts[1].expiration.expire_time");
  EXPECT_EQ(MetadataOf(status, "index"), "1");
  ExpectMissing("a");
}

TEST_F(BatchTest, DeletesShareOneVersionAndSkipMissingKeys) {
  Put("a", "1");
  Put("c", "3");
  const WriteResult deleted = Batch(
      "deletes", {DeleteOperation{.key = "a"}, DeleteOperation{.key = "b"},
                  DeleteOperation{.key = "c"}});
  ASSERT_TRUE(deleted.ok()) << deleted.status();
  EXPECT_TRUE(ResultOf<DeleteResult>(deleted, 0).deleted);
  EXPECT_FALSE(ResultOf<DeleteResult>(deleted, 1).deleted);
  EXPECT_TRUE(ResultOf<DeleteResult>(deleted, 2).deleted);
  EXPECT_EQ(deleted->version, store().last_version());
  EXPECT_EQ(store().EntryCount(), 0u);
}

TEST_F(BatchTest, OneFailingDeleteUndoesAll) {
  Put("a", "1");
  const absl::Status status = ExpectNoTrace([&] {
    return Batch("deletes",
                 {DeleteOperation{.key = "a"},
                  DeleteOperation{.key = "b", .precondition = Exists()}});
  });
  ExpectError(status, kAborted, ErrorReason::kPreconditionFailed);
  EXPECT_EQ(MetadataOf(status, "index"), "1");
  ExpectValue("a", "1");
}

TEST_F(BatchTest, DeletesOfMissingKeysAreNoCommit) {
  const uint64_t before = store().last_version();
  const WriteResult deleted = Batch(
      "deletes", {DeleteOperation{.key = "a"}, DeleteOperation{.key = "b"}});
  EXPECT_EQ(deleted->version, kNoVersion);
  EXPECT_EQ(store().last_version(), before);
}

TEST_F(BatchTest, HoldsTheMostThatTheContractAllows) {
  std::vector<std::string> keys;
  std::vector<Operation> puts;
  for (size_t i = 0; i < Store::kOperationsMax; ++i) {
    keys.push_back("k" + std::to_string(i));
  }
  for (const std::string& key : keys) {
    puts.push_back(PutOperation{.key = key, .value = key});
  }
  const WriteResult written = store().Write({.form = Transaction::Form::kBatch,
                                             .batch_field = "puts",
                                             .on_success = puts},
                                            token());
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_EQ(store().EntryCount(), Store::kOperationsMax);
  for (const std::string& key : keys) {
    ExpectValue(key, key);
    EXPECT_EQ(VersionOf(key), written->version);
  }
}

}  // namespace
}  // namespace latchkey
