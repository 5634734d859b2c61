// Transact: branches, what each operation sees of those before it, and that a
// failure undoes the whole.

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "tests/server/store/store_fixture.h"

namespace latchkey {
namespace {

using enum absl::StatusCode;

class TransactTest : public StoreTest {};

TEST_F(TransactTest, OfNothingSucceedsAndChangesNothing) {
  const uint64_t before = store().last_version();
  const WriteResult done = Transact({});
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_TRUE(done->succeeded);
  EXPECT_TRUE(done->results.empty());
  EXPECT_EQ(done->version, kNoVersion);
  EXPECT_EQ(store().last_version(), before);
}

TEST_F(TransactTest, AnswersEachOperationInItsKind) {
  Put("counter", "1");
  Put("from", "10");
  Put("to", "10");
  Put("old", "v");
  const WriteResult done = Transact(
      {GetOperation{.key = "counter"}, PutOperation{.key = "p", .value = "v"},
       DeleteOperation{.key = "nothing"},
       IncrementOperation{.key = "counter", .delta = 1},
       TouchOperation{.key = "p", .expiration = Ttl(10_ms)},
       MoveOperation{.source_key = "old", .destination_key = "new"},
       TransferOperation{
           .source_key = "from", .destination_key = "to", .amount = 3}});
  ASSERT_TRUE(done.ok()) << done.status();
  ASSERT_EQ(done->results.size(), 7u);
  EXPECT_EQ(ResultOf<GetResult>(done, 0).found.entry->value(), "1");
  EXPECT_EQ(ResultOf<PutResult>(done, 1).expire_time, kNever);
  EXPECT_FALSE(ResultOf<DeleteResult>(done, 2).deleted);
  EXPECT_EQ(ResultOf<IncrementResult>(done, 3).value, 2);
  EXPECT_EQ(ResultOf<TouchResult>(done, 4).expire_time, kStart + 10_ms);
  EXPECT_EQ(ResultOf<MoveResult>(done, 5).expire_time, kNever);
  EXPECT_EQ(ResultOf<TransferResult>(done, 6).source_value, 7);
  for (const char* key : {"p", "counter", "new", "from", "to"}) {
    EXPECT_EQ(VersionOf(key), done->version) << key;
  }
  EXPECT_EQ(store().last_version(), done->version);
}

// One row for each compare.
struct CompareCase {
  const char* name;
  std::string_view key;  // "here" holds "v", "gone" is missing.
  Precondition::Kind kind;
  bool matches;  // A kVersion or kValue compare names what "here" holds.
  bool succeeds;
};

class CompareTest : public StoreTest,
                    public ::testing::WithParamInterface<CompareCase> {};

TEST_P(CompareTest, ChoosesTheBranch) {
  const CompareCase& row = GetParam();
  const uint64_t version = Put("here", "v");
  Precondition precondition = {.kind = row.kind};
  precondition.version = row.matches ? version : version + 1;
  precondition.value = row.matches ? "v" : "w";
  const WriteResult done =
      Transact({{row.key, precondition}},
               {PutOperation{.key = "branch", .value = "success"}},
               {PutOperation{.key = "branch", .value = "failure"},
                GetOperation{.key = "here"}});
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(done->succeeded, row.succeeds);
  EXPECT_EQ(done->results.size(), row.succeeds ? 1u : 2u);
  ExpectValue("branch", row.succeeds ? "success" : "failure");
}

using Kind = Precondition::Kind;
INSTANTIATE_TEST_SUITE_P(
    AllRows, CompareTest,
    ::testing::Values(
        CompareCase{"ExistsHere", "here", Kind::kExists, true, true},
        CompareCase{"ExistsGone", "gone", Kind::kExists, true, false},
        CompareCase{"MissingHere", "here", Kind::kMissing, true, false},
        CompareCase{"MissingGone", "gone", Kind::kMissing, true, true},
        CompareCase{"VersionSame", "here", Kind::kVersion, true, true},
        CompareCase{"VersionOther", "here", Kind::kVersion, false, false},
        CompareCase{"VersionGone", "gone", Kind::kVersion, true, false},
        CompareCase{"ValueSame", "here", Kind::kValue, true, true},
        CompareCase{"ValueOther", "here", Kind::kValue, false, false},
        CompareCase{"ValueGone", "gone", Kind::kValue, true, false}),
    [](const auto& row) { return row.param.name; });

TEST_F(TransactTest, NeedsAllComparesToHold) {
  Put("a", "1");
  Put("b", "2");
  const auto branch = [&](std::string_view a, std::string_view b) {
    return Transact({{"a", ValueIs(a)}, {"b", ValueIs(b)}}, {}, {})->succeeded;
  };
  EXPECT_TRUE(branch("1", "2"));
  EXPECT_FALSE(branch("x", "2"));
  EXPECT_FALSE(branch("1", "x"));
  EXPECT_FALSE(branch("x", "x"));
}

TEST_F(TransactTest, ComparesSeeTheStateBeforeTheOperations) {
  Put("a", "1");
  const WriteResult done =
      Transact({{"a", ValueIs("1")}}, {PutOperation{.key = "a", .value = "2"}},
               {PutOperation{.key = "a", .value = "3"}});
  EXPECT_TRUE(done->succeeded);
  ExpectValue("a", "2");
}

TEST_F(TransactTest, AnExpiredKeyComparesAsMissing) {
  Put("a", "1", Ttl(10_ms));
  Advance(10_ms);
  EXPECT_TRUE(Transact({{"a", Missing()}}, {}, {})->succeeded);
}

TEST_F(TransactTest, AFailedCompareIsNoErrorAndNoCommit) {
  const uint64_t before = store().last_version();
  const WriteResult done =
      Transact({{"a", Exists()}}, {PutOperation{.key = "a", .value = "1"}}, {});
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_FALSE(done->succeeded);
  EXPECT_EQ(done->version, kNoVersion);
  EXPECT_EQ(store().last_version(), before);
  ExpectMissing("a");
}

TEST_F(TransactTest, OnlyReadsIsNoCommit) {
  const uint64_t before = Put("a", "1");
  const WriteResult done =
      Transact({GetOperation{.key = "a"}, GetOperation{.key = "b"},
                DeleteOperation{.key = "b"},
                TouchOperation{.key = "b", .expiration = Ttl(1_ms)}});
  EXPECT_EQ(done->version, kNoVersion);
  EXPECT_EQ(store().last_version(), before);
}

TEST_F(TransactTest, EachOperationSeesThoseBeforeIt) {
  Put("moved", "m");
  const WriteResult done = Transact(
      {PutOperation{.key = "k", .value = "1", .expiration = Ttl(10_ms)},
       GetOperation{.key = "k"}, IncrementOperation{.key = "k", .delta = 1},
       TouchOperation{.key = "k", .expiration = Ttl(20_ms)},
       GetOperation{.key = "k"},
       MoveOperation{.source_key = "k", .destination_key = "l"},
       GetOperation{.key = "k"}, GetOperation{.key = "l"},
       DeleteOperation{.key = "l", .return_previous = true},
       GetOperation{.key = "l"},
       PutOperation{.key = "l", .value = "9", .precondition = Missing()},
       TransferOperation{.source_key = "l",
                         .destination_key = "k",
                         .amount = 4,
                         .create_destination = true}});
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(ResultOf<GetResult>(done, 1).found.entry->value(), "1");
  EXPECT_EQ(ResultOf<GetResult>(done, 1).found.expire_time, kStart + 10_ms);
  EXPECT_EQ(ResultOf<GetResult>(done, 4).found.entry->value(), "2");
  EXPECT_EQ(ResultOf<GetResult>(done, 4).found.expire_time, kStart + 20_ms);
  EXPECT_FALSE(ResultOf<GetResult>(done, 6).found.entry);
  EXPECT_EQ(ResultOf<GetResult>(done, 7).found.entry->value(), "2");
  EXPECT_EQ(ResultOf<GetResult>(done, 7).found.entry->key(), "l");
  EXPECT_TRUE(ResultOf<DeleteResult>(done, 8).deleted);
  EXPECT_EQ(ResultOf<DeleteResult>(done, 8).previous.entry->value(), "2");
  EXPECT_FALSE(ResultOf<GetResult>(done, 9).found.entry);
  ExpectValue("l", "5");
  ExpectValue("k", "4");
  ExpectValue("moved", "m");
  EXPECT_EQ(VersionOf("k"), done->version);
  EXPECT_EQ(VersionOf("l"), done->version);
}

TEST_F(TransactTest, WhatItWroteHasItsVersionInEveryAnswer) {
  const WriteResult done = Transact(
      {PutOperation{.key = "k", .value = "1"}, GetOperation{.key = "k"},
       PutOperation{.key = "k", .value = "2", .return_previous = true},
       DeleteOperation{.key = "k", .return_previous = true},
       PutOperation{.key = "k", .value = "3"}, GetOperation{.key = "k"}});
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(ResultOf<GetResult>(done, 1).found.entry->version(), done->version);
  EXPECT_EQ(ResultOf<PutResult>(done, 2).previous.entry->version(),
            done->version);
  EXPECT_EQ(ResultOf<DeleteResult>(done, 3).previous.entry->version(),
            done->version);
  EXPECT_EQ(ResultOf<GetResult>(done, 5).found.entry->version(), done->version);
}

TEST_F(TransactTest, WhatItReadBeforeItWroteHasTheOldVersion) {
  const uint64_t old = Put("k", "old", Ttl(10_ms));
  const WriteResult done = Transact(
      {GetOperation{.key = "k"}, PutOperation{.key = "k", .value = "new"}});
  const EntryView& found = ResultOf<GetResult>(done, 0).found;
  EXPECT_EQ(found.entry->version(), old);
  EXPECT_EQ(found.entry->value(), "old");
  EXPECT_EQ(found.expire_time, kStart + 10_ms);
}

TEST_F(TransactTest, TheOldVersionIsGoneOnceTheTransactionWroteTheKey) {
  const uint64_t old = Put("k", "v");
  ExpectError(
      Transact({PutOperation{.key = "k", .value = "w"},
                PutOperation{
                    .key = "k", .value = "x", .precondition = VersionIs(old)}}),
      kAborted, ErrorReason::kPreconditionFailed);
  const WriteResult read =
      Transact({PutOperation{.key = "k", .value = "w"},
                GetOperation{.key = "k", .if_version_not = old}});
  EXPECT_FALSE(ResultOf<GetResult>(read, 1).not_modified);
}

TEST_F(TransactTest, TouchLeavesTheOldVersion) {
  const uint64_t old = Put("k", "v");
  EXPECT_TRUE(
      Transact({TouchOperation{.key = "k", .expiration = Ttl(10_ms)},
                PutOperation{
                    .key = "k", .value = "x", .precondition = VersionIs(old)}})
          .ok());
}

TEST_F(TransactTest, AKeyItRemovedCanBeTouchedNoMore) {
  Put("k", "v");
  const WriteResult done =
      Transact({DeleteOperation{.key = "k"},
                TouchOperation{.key = "k", .expiration = Ttl(10_ms)},
                DeleteOperation{.key = "k"}});
  EXPECT_FALSE(ResultOf<TouchResult>(done, 1).touched);
  EXPECT_FALSE(ResultOf<DeleteResult>(done, 2).deleted);
  ExpectMissing("k");
}

// Each row fails with its last operation, after operations of every kind that
// change something.
struct UndoCase {
  const char* name;
  Operation failing;
  absl::StatusCode code;
  ErrorReason reason;
};

class UndoTest : public StoreTest,
                 public ::testing::WithParamInterface<UndoCase> {};

TEST_P(UndoTest, LeavesNoTrace) {
  const uint64_t put = PutWithFlags("put", "1", 1, Ttl(11_ms));
  const uint64_t deleted = PutWithFlags("deleted", "2", 2, Ttl(12_ms));
  const uint64_t incremented = PutWithFlags("incremented", "3", 3, Ttl(13_ms));
  const uint64_t touched = PutWithFlags("touched", "4", 4, Ttl(14_ms));
  const uint64_t moved = PutWithFlags("moved", "5", 5, Ttl(15_ms));
  const uint64_t given = PutWithFlags("given", "6", 6, Ttl(16_ms));
  const uint64_t taken = PutWithFlags("taken", "7", 7, Ttl(17_ms));
  const auto transact = [&] {
    return Transact({{"put", Exists()}}, {},
                    {GetOperation{.key = "nothing to see"}});
  };
  ASSERT_TRUE(transact().ok());
  const absl::Status status = ExpectNoTrace([&] {
    return Transact(
        {PutOperation{.key = "put", .value = "x"},
         PutOperation{.key = "new", .value = "x", .expiration = Ttl(1_ms)},
         DeleteOperation{.key = "deleted"},
         IncrementOperation{
             .key = "incremented", .delta = 1, .expiration = Never()},
         TouchOperation{.key = "touched", .expiration = Ttl(1_ms)},
         GetOperation{.key = "touched", .touch = Ttl(2_ms)},
         MoveOperation{.source_key = "moved", .destination_key = "arrived"},
         TransferOperation{
             .source_key = "given", .destination_key = "taken", .amount = 1},
         GetParam().failing});
  });
  ExpectError(status, GetParam().code, GetParam().reason);
  EXPECT_EQ(MetadataOf(status, "index"), "8");
  ExpectMissing("new");
  ExpectMissing("arrived");
  const std::pair<const char*, uint64_t> entries[] = {
      {"put", put},         {"deleted", deleted}, {"incremented", incremented},
      {"touched", touched}, {"moved", moved},     {"given", given},
      {"taken", taken}};
  int number = 0;
  for (const auto& [key, version] : entries) {
    ++number;
    ExpectValue(key, std::to_string(number));
    EXPECT_EQ(VersionOf(key), version) << key;
    EXPECT_EQ(ExpiryOf(key), kStart + (10 + number) * kNanosPerMilli) << key;
    EXPECT_EQ(FlagsOf(key), static_cast<uint32_t>(number)) << key;
  }
}

INSTANTIATE_TEST_SUITE_P(
    AllRows, UndoTest,
    ::testing::Values(
        UndoCase{"Put", PutOperation{.key = "x", .precondition = Exists()},
                 kAborted, ErrorReason::kPreconditionFailed},
        UndoCase{"PutOfWhatItPut",
                 PutOperation{.key = "new", .precondition = Missing()},
                 kAlreadyExists, ErrorReason::kKeyExists},
        UndoCase{"Delete",
                 DeleteOperation{.key = "x", .precondition = Exists()},
                 kAborted, ErrorReason::kPreconditionFailed},
        UndoCase{"DeleteOfWhatItDeleted",
                 DeleteOperation{.key = "deleted", .precondition = Exists()},
                 kAborted, ErrorReason::kPreconditionFailed},
        UndoCase{"IncrementOfNothing", IncrementOperation{.key = "x"},
                 kNotFound, ErrorReason::kKeyNotFound},
        UndoCase{"IncrementOfText", IncrementOperation{.key = "put"},
                 kFailedPrecondition, ErrorReason::kNotACounter},
        UndoCase{"IncrementOverItsBound",
                 IncrementOperation{.key = "given", .delta = 1, .max = 5},
                 kOutOfRange, ErrorReason::kCounterLimit},
        UndoCase{"TouchInThePast",
                 TouchOperation{.key = "put", .expiration = At(1)},
                 kInvalidArgument, ErrorReason::kInvalidExpiration},
        UndoCase{"GetTouchedInThePast",
                 GetOperation{.key = "put", .touch = At(1)}, kInvalidArgument,
                 ErrorReason::kInvalidExpiration},
        UndoCase{"MoveOfNothing",
                 MoveOperation{.source_key = "x", .destination_key = "y"},
                 kNotFound, ErrorReason::kKeyNotFound},
        UndoCase{"MoveOntoAnEntry",
                 MoveOperation{.source_key = "put", .destination_key = "new"},
                 kAlreadyExists, ErrorReason::kKeyExists},
        UndoCase{
            "TransferOfTooMuch",
            TransferOperation{
                .source_key = "given", .destination_key = "taken", .amount = 6},
            kOutOfRange, ErrorReason::kCounterLimit}),
    [](const auto& row) { return row.param.name; });

TEST_F(TransactTest, AnErrorNamesItsBranchAndField) {
  const Operation bad = PutOperation{.key = "k", .expiration = At(kStart)};
  const absl::Status success =
      ExpectNoTrace([&] { return Transact({GetOperation{.key = "k"}, bad}); });
  ExpectError(success, kInvalidArgument, ErrorReason::kInvalidExpiration);
  EXPECT_EQ(MetadataOf(success, "index"), "1");
  EXPECT_EQ(GetErrorDetails(success)->field,
            "on_success[1].put.expiration.expire_time");

  const absl::Status failure = ExpectNoTrace([&] {
    return Transact({{"k", Exists()}}, {},
                    {GetOperation{.key = "k"}, GetOperation{.key = "k"}, bad});
  });
  EXPECT_EQ(MetadataOf(failure, "index"), "2");
  EXPECT_EQ(GetErrorDetails(failure)->field,
            "on_failure[2].put.expiration.expire_time");
}

TEST_F(TransactTest, TheOtherBranchIsNotRun) {
  const WriteResult done =
      Transact({}, {GetOperation{.key = "k"}},
               {PutOperation{.key = "k", .precondition = Exists()},
                PutOperation{.key = "l", .value = "v"}});
  EXPECT_TRUE(done.ok()) << done.status();
  ExpectMissing("l");
}

TEST_F(TransactTest, HoldsTheMostThatTheContractAllows) {
  std::vector<std::string> keys;
  for (size_t i = 0; i < Store::kOperationsMax / 2; ++i) {
    keys.push_back("k" + std::to_string(i));
  }
  std::vector<Compare> compares;
  std::vector<Operation> operations;
  for (const std::string& key : keys) {
    compares.push_back({key, Missing()});
    operations.push_back(IncrementOperation{.key = key, .initial = 1});
  }
  const Transaction transaction = {.form = Transaction::Form::kTransact,
                                   .compares = compares,
                                   .on_success = operations};
  const WriteResult first = store().Write(transaction, token());
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_TRUE(first->succeeded);
  EXPECT_EQ(store().EntryCount(), keys.size());
  for (const std::string& key : keys) {
    EXPECT_EQ(VersionOf(key), first->version);
  }
  EXPECT_FALSE(store().Write(transaction, token())->succeeded);
}

}  // namespace
}  // namespace latchkey
