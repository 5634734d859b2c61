// Each RPC as a client sees it: what it answers, and how its errors look.

#include "server/service/cache_service.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/message_differencer.h"
#include "tests/server/service/service_fixture.h"

namespace latchkey {
namespace {

using enum absl::StatusCode;

class CacheServiceTest : public ServiceTest {
 protected:
  void Put(const std::string& key, const std::string& value) {
    Must<v1::PutResponse>(
        "Put", absl::StrCat("key: '", key, "' value: '", value, "'"));
  }

  v1::GetResponse Get(const std::string& key) {
    return Must<v1::GetResponse>("Get", absl::StrCat("key: '", key, "'"));
  }

  // The value of `key`, or "(missing)".
  std::string ValueOf(const std::string& key) {
    const v1::GetResponse response = Get(key);
    return response.has_entry() ? response.entry().value() : "(missing)";
  }

  uint64_t LastVersion() { return store().last_version(); }
};

TEST_F(CacheServiceTest, ServesEveryMethodOfTheContract) {
  CacheService service(store(), clock(), ServiceOptions{});
  MethodTable methods;
  service.Register(methods);
  const auto* contract =
      v1::Entry::descriptor()->file()->FindServiceByName("Cache");
  EXPECT_EQ(contract->full_name(), CacheService::kName);
  for (int i = 0; i < contract->method_count(); ++i) {
    const auto& method = *contract->method(i);
    const Method* found =
        methods.Find(absl::StrCat("/latchkey.v1.Cache/", method.name()));
    ASSERT_NE(found, nullptr) << method.name();
    EXPECT_EQ(found->stream != nullptr, method.server_streaming());
  }
}

TEST_F(CacheServiceTest, PutThenGet) {
  const auto put = Must<v1::PutResponse>(
      "Put", "key: 'k' value: 'v' flags: 3 expiration { ttl { seconds: 5 } }");
  EXPECT_EQ(put.version(), LastVersion());
  EXPECT_EQ(put.expire_time().seconds(), kStartSeconds + 5);
  EXPECT_FALSE(put.has_previous());

  const v1::GetResponse got = Get("k");
  EXPECT_EQ(got.entry().key(), "k");
  EXPECT_EQ(got.entry().value(), "v");
  EXPECT_EQ(got.entry().version(), put.version());
  EXPECT_EQ(got.entry().flags(), 3u);
  EXPECT_EQ(got.entry().expire_time().seconds(), kStartSeconds + 5);
  EXPECT_FALSE(got.has_expire_time());

  clock().Advance(5 * kNanosPerSecond);
  EXPECT_EQ(ValueOf("k"), "(missing)");
}

TEST_F(CacheServiceTest, AMissIsAnOkAnswer) {
  EXPECT_EQ(Get("k").ByteSizeLong(), 0u);
}

TEST_F(CacheServiceTest, GetOfAKnownVersionIsNotModified) {
  Put("k", "v");
  const auto got = Must<v1::GetResponse>(
      "Get", absl::StrCat("key: 'k' if_version_not: ", LastVersion()));
  EXPECT_TRUE(got.not_modified());
  EXPECT_FALSE(got.has_entry());
}

TEST_F(CacheServiceTest, GetWithTouchWrites) {
  Put("k", "v");
  const uint64_t before = LastVersion();
  const auto touched =
      Must<v1::GetResponse>("Get", "key: 'k' touch { ttl { seconds: 9 } }");
  EXPECT_EQ(touched.entry().value(), "v");
  EXPECT_EQ(touched.entry().version(), before);
  EXPECT_EQ(touched.expire_time().seconds(), kStartSeconds + 9);
  EXPECT_EQ(LastVersion(), before + 1);
  EXPECT_EQ(Get("k").entry().expire_time().seconds(), kStartSeconds + 9);

  // Set but empty: never.
  EXPECT_FALSE(
      Must<v1::GetResponse>("Get", "key: 'k' touch {}").has_expire_time());
  EXPECT_FALSE(Get("k").entry().has_expire_time());
}

TEST_F(CacheServiceTest, BatchGetAnswersInTheOrderOfTheRequest) {
  Put("a", "1");
  Put("b", "2");
  for (const bool atomic : {false, true}) {
    const auto got = Must<v1::BatchGetResponse>(
        "BatchGet", absl::StrCat("keys: 'b' keys: 'x' keys: 'a' keys: 'b'",
                                 atomic ? "atomic: true" : ""));
    ASSERT_EQ(got.results_size(), 4);
    EXPECT_EQ(got.results(0).entry().value(), "2");
    EXPECT_FALSE(got.results(1).has_entry());
    EXPECT_EQ(got.results(2).entry().value(), "1");
    EXPECT_EQ(got.results(3).entry().value(), "2");
    EXPECT_EQ(got.snapshot_version(), atomic ? LastVersion() : 0u);
  }
}

TEST_F(CacheServiceTest, BatchPutWritesAllWithOneVersion) {
  const auto put = Must<v1::BatchPutResponse>(
      "BatchPut", "puts { key: 'a' value: '1' } puts { key: 'b' value: '2' }");
  ASSERT_EQ(put.results_size(), 2);
  EXPECT_EQ(put.results(0).version(), LastVersion());
  EXPECT_EQ(put.results(1).version(), LastVersion());
  EXPECT_EQ(ValueOf("a"), "1");
  EXPECT_EQ(ValueOf("b"), "2");
}

TEST_F(CacheServiceTest, BatchesOfNothingAnswerNothing) {
  const uint64_t before = LastVersion();
  for (const char* method : {"BatchGet", "BatchPut", "BatchDelete"}) {
    EXPECT_EQ(Call(method, "")->reply<v1::BatchPutResponse>().ByteSizeLong(),
              0u);
  }
  const auto transact = Must<v1::TransactResponse>("Transact", "");
  EXPECT_TRUE(transact.succeeded());
  EXPECT_EQ(transact.results_size(), 0);
  EXPECT_EQ(transact.version(), 0u);
  EXPECT_EQ(LastVersion(), before);
}

TEST_F(CacheServiceTest, DeleteTellsWhatItRemoved) {
  Put("k", "v");
  const auto deleted =
      Must<v1::DeleteResponse>("Delete", "key: 'k' return_previous: true");
  EXPECT_TRUE(deleted.deleted());
  EXPECT_EQ(deleted.version(), LastVersion());
  EXPECT_EQ(deleted.previous().value(), "v");

  const auto again =
      Must<v1::DeleteResponse>("Delete", "key: 'k' return_previous: true");
  EXPECT_EQ(again.ByteSizeLong(), 0u);
}

TEST_F(CacheServiceTest, BatchDeleteHasNoVersionWhereItRemovedNothing) {
  Put("b", "v");
  const auto deleted = Must<v1::BatchDeleteResponse>(
      "BatchDelete", "deletes { key: 'a' } deletes { key: 'b' }");
  ASSERT_EQ(deleted.results_size(), 2);
  EXPECT_FALSE(deleted.results(0).deleted());
  EXPECT_EQ(deleted.results(0).version(), 0u);
  EXPECT_TRUE(deleted.results(1).deleted());
  EXPECT_EQ(deleted.results(1).version(), LastVersion());
}

TEST_F(CacheServiceTest, IncrementKeepsTheExpiryItFinds) {
  Must<v1::PutResponse>(
      "Put", "key: 'c' value: '4' expiration { ttl { seconds: 5 } }");
  const auto sum =
      Must<v1::IncrementResponse>("Increment", "key: 'c' delta: -1");
  EXPECT_EQ(sum.value(), 3);
  EXPECT_EQ(sum.version(), LastVersion());
  EXPECT_EQ(Get("c").entry().expire_time().seconds(), kStartSeconds + 5);
  Must<v1::IncrementResponse>("Increment", "key: 'c' expiration {}");
  EXPECT_FALSE(Get("c").entry().has_expire_time());
}

TEST_F(CacheServiceTest, TouchLeavesTheVersionOfTheEntryAlone) {
  Put("k", "v");
  const uint64_t put_version = LastVersion();
  const auto touched = Must<v1::TouchResponse>(
      "Touch", "key: 'k' expiration { ttl { seconds: 5 } }");
  EXPECT_TRUE(touched.touched());
  EXPECT_EQ(touched.version(), put_version + 1);
  EXPECT_EQ(touched.expire_time().seconds(), kStartSeconds + 5);
  EXPECT_EQ(Get("k").entry().version(), put_version);
  EXPECT_EQ(Must<v1::TouchResponse>("Touch", "key: 'x'").ByteSizeLong(), 0u);
}

TEST_F(CacheServiceTest, MoveTakesTheEntryAlong) {
  Must<v1::PutResponse>("Put",
                        "key: 'a' value: 'v' flags: 3 "
                        "expiration { ttl { seconds: 5 } }");
  const auto moved =
      Must<v1::MoveResponse>("Move", "source_key: 'a' destination_key: 'b'");
  EXPECT_EQ(moved.version(), LastVersion());
  EXPECT_EQ(moved.expire_time().seconds(), kStartSeconds + 5);
  EXPECT_EQ(ValueOf("a"), "(missing)");
  EXPECT_EQ(Get("b").entry().value(), "v");
  EXPECT_EQ(Get("b").entry().flags(), 3u);
}

TEST_F(CacheServiceTest, TransferMovesAnAmount) {
  Put("a", "10");
  Put("b", "1");
  const auto transfer = Must<v1::TransferResponse>(
      "Transfer", "source_key: 'a' destination_key: 'b' amount: 4");
  EXPECT_EQ(transfer.source_value(), 6);
  EXPECT_EQ(transfer.destination_value(), 5);
  EXPECT_EQ(transfer.version(), LastVersion());
  EXPECT_EQ(ValueOf("a"), "6");
}

TEST_F(CacheServiceTest, TransactRunsOneOfTwoLists) {
  const std::string request =
      "compares { key: 'a' precondition { exists: false } } "
      "on_success { put { key: 'a' value: '1' } } "
      "on_success { increment { key: 'a' delta: 2 } } "
      "on_failure { get { key: 'a' } }";
  const auto first = Must<v1::TransactResponse>("Transact", request);
  EXPECT_TRUE(first.succeeded());
  ASSERT_EQ(first.results_size(), 2);
  EXPECT_EQ(first.results(0).put().version(), LastVersion());
  EXPECT_EQ(first.results(1).increment().value(), 3);
  EXPECT_EQ(first.version(), LastVersion());

  const auto second = Must<v1::TransactResponse>("Transact", request);
  EXPECT_FALSE(second.succeeded());
  ASSERT_EQ(second.results_size(), 1);
  EXPECT_EQ(second.results(0).get().entry().value(), "3");
  EXPECT_EQ(second.version(), 0u);
}

// Errors that depend on the data: one row for each of the error table that the
// store can give.
TEST_F(CacheServiceTest, ErrorsOfWritesSayThatNothingWasApplied) {
  Put("text", "hello");
  Put("five", "5");
  const std::string version = absl::StrCat(LastVersion());
  using Metadata = std::map<std::string, std::string>;
  struct Row {
    std::string method;
    std::string request;
    absl::StatusCode code;
    std::string reason;
    Metadata metadata;
  };
  const std::vector<Row> rows = {
      {"Put",
       "key: 'x' precondition { exists: true }",
       kAborted,
       "PRECONDITION_FAILED",
       {{"current_version", "0"}}},
      {"Put",
       "key: 'five' precondition { version: 1 }",
       kAborted,
       "PRECONDITION_FAILED",
       {{"current_version", version}}},
      {"Put",
       "key: 'five' precondition { value: '6' }",
       kAborted,
       "PRECONDITION_FAILED",
       {{"current_version", version}}},
      {"Put",
       "key: 'five' precondition { exists: false }",
       kAlreadyExists,
       "KEY_EXISTS",
       {{"current_version", version}}},
      {"Delete",
       "key: 'five' precondition { version: 1 }",
       kAborted,
       "PRECONDITION_FAILED",
       {{"current_version", version}}},
      {"Move",
       "source_key: 'text' destination_key: 'five'",
       kAlreadyExists,
       "KEY_EXISTS",
       {{"current_version", version}}},
      {"Move",
       "source_key: 'x' destination_key: 'y'",
       kNotFound,
       "KEY_NOT_FOUND",
       {}},
      {"Transfer",
       "source_key: 'x' destination_key: 'five' amount: 1",
       kNotFound,
       "KEY_NOT_FOUND",
       {}},
      {"Transfer",
       "source_key: 'five' destination_key: 'x' amount: 1",
       kNotFound,
       "KEY_NOT_FOUND",
       {}},
      {"Transfer",
       "source_key: 'five' destination_key: 'text' amount: 1",
       kFailedPrecondition,
       "NOT_A_COUNTER",
       {}},
      {"Transfer",
       "source_key: 'five' destination_key: 'y' create_destination: true "
       "amount: 6",
       kOutOfRange,
       "COUNTER_LIMIT",
       {}},
      {"Increment", "key: 'x' delta: 1", kNotFound, "KEY_NOT_FOUND", {}},
      {"Increment",
       "key: 'text' delta: 1",
       kFailedPrecondition,
       "NOT_A_COUNTER",
       {}},
      {"Increment",
       "key: 'five' delta: 1 max: 5",
       kOutOfRange,
       "COUNTER_LIMIT",
       {}},
      {"BatchPut",
       "puts { key: 'a' } puts { key: 'x' precondition { exists: true } }",
       kAborted,
       "PRECONDITION_FAILED",
       {{"current_version", "0"}, {"index", "1"}}},
      {"BatchDelete",
       "deletes { key: 'x' precondition { exists: true } }",
       kAborted,
       "PRECONDITION_FAILED",
       {{"current_version", "0"}, {"index", "0"}}},
      {"Transact",
       "on_success { put { key: 'a' } } on_success { increment { key: 'text' } "
       "}",
       kFailedPrecondition,
       "NOT_A_COUNTER",
       {{"index", "1"}}},
  };
  for (Row row : rows) {
    SCOPED_TRACE(row.method + " " + row.request);
    const FakeCallError error = Error(row.method, row.request);
    EXPECT_EQ(error.code, row.code);
    EXPECT_EQ(error.reason, row.reason);
    EXPECT_EQ(error.field, "");
    row.metadata["applied"] = "no";
    EXPECT_EQ(error.metadata, row.metadata);
  }
  EXPECT_EQ(ValueOf("a"), "(missing)");
}

// The clock moves on with each reading, so that the deadline passes between the
// arrival and the store's first look.
TEST_F(CacheServiceTest, ADeadlineBeforeTheCommitLeavesNoTrace) {
  Put("k", "1");
  const uint64_t before = LastVersion();
  clock().set_step(kNanosPerMilli);
  const auto call = Call("Put", RequestBytes("Put", "key: 'k' value: '2'"),
                         clock().Now() + 3 * kNanosPerMilli);
  clock().set_step(0);
  EXPECT_EQ(call->error().code, kDeadlineExceeded);
  EXPECT_EQ(call->error().reason, "EXPIRED_BEFORE_COMMIT");
  EXPECT_EQ(call->error().metadata.at("applied"), "no");
  EXPECT_EQ(LastVersion(), before);
  EXPECT_EQ(ValueOf("k"), "1");
}

TEST_F(CacheServiceTest, AnswersThatWouldBeTooLargeAreRefused) {
  Put("k", std::string(1024 * 1024, 'v'));
  EXPECT_EQ(Error("BatchGet", Repeat(4, "keys: 'k'")).reason,
            "RESPONSE_TOO_LARGE");
  const auto three =
      Must<v1::BatchGetResponse>("BatchGet", Repeat(3, "keys: 'k'"));
  EXPECT_EQ(three.results_size(), 3);
}

// The store counts what an entry costs beside its bytes generously enough: an
// answer that it lets through fits into the 4 MiB that clients receive.
TEST_F(CacheServiceTest, AnswersOfManySmallEntriesFitIntoAMessage) {
  Must<v1::PutResponse>(
      "Put",
      absl::StrCat("key: 'k' flags: 4294967295 value: '", std::string(300, 'v'),
                   "' expiration { ttl { nanos: 999999999 } }"));
  int keys = 10'000;
  auto call =
      Call("BatchGet", RequestBytes("BatchGet", Repeat(keys, "keys: 'k'")));
  while (!call->ok()) {
    ASSERT_EQ(call->error().reason, "RESPONSE_TOO_LARGE");
    keys -= 10;
    call =
        Call("BatchGet", RequestBytes("BatchGet", Repeat(keys, "keys: 'k'")));
  }
  EXPECT_GT(keys, 8'000);
  EXPECT_LE(call->reply<v1::BatchGetResponse>().ByteSizeLong(),
            4u * 1024 * 1024);
}

}  // namespace
}  // namespace latchkey
