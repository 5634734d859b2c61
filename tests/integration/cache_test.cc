// Every RPC, and what its errors look like to a client, over a real socket.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "server/config/options.h"
#include "tests/integration/server_fixture.h"

namespace latchkey {
namespace {

using grpc::StatusCode;

class CacheTest : public ServerFixture {};

TEST_P(CacheTest, PutGetDelete) {
  const v1::PutResponse put = MustCall(
      &Stub::Put,
      "key: 'k' value: 'v' flags: 7 expiration { ttl { seconds: 1000 } }");
  EXPECT_GT(put.version(), 0u);
  EXPECT_TRUE(put.has_expire_time());
  const v1::GetResponse got = MustCall(&Stub::Get, "key: 'k'");
  EXPECT_EQ(got.entry().key(), "k");
  EXPECT_EQ(got.entry().value(), "v");
  EXPECT_EQ(got.entry().flags(), 7u);
  EXPECT_EQ(got.entry().version(), put.version());
  EXPECT_EQ(got.entry().expire_time().seconds(), put.expire_time().seconds());
  EXPECT_TRUE(MustCall(&Stub::Get, "key: 'k' if_version_not: " +
                                       std::to_string(put.version()))
                  .not_modified());
  EXPECT_TRUE(MustCall(&Stub::Delete, "key: 'k'").deleted());
  EXPECT_FALSE(MustCall(&Stub::Get, "key: 'k'").has_entry());
}

TEST_P(CacheTest, Batches) {
  const v1::BatchPutResponse put =
      MustCall(&Stub::BatchPut,
               "puts { key: 'a' value: '1' } puts { key: 'b' value: '2' }");
  ASSERT_EQ(put.results_size(), 2);
  EXPECT_EQ(put.results(0).version(), put.results(1).version());
  for (const char* atomic : {"false", "true"}) {
    const v1::BatchGetResponse got =
        MustCall(&Stub::BatchGet,
                 std::string("keys: ['b', 'none', 'a'] atomic: ") + atomic);
    ASSERT_EQ(got.results_size(), 3);
    EXPECT_EQ(got.results(0).entry().value(), "2");
    EXPECT_FALSE(got.results(1).has_entry());
    EXPECT_EQ(got.results(2).entry().value(), "1");
  }
  const v1::BatchDeleteResponse deleted = MustCall(
      &Stub::BatchDelete, "deletes { key: 'a' } deletes { key: 'none' }");
  EXPECT_TRUE(deleted.results(0).deleted());
  EXPECT_FALSE(deleted.results(1).deleted());
}

TEST_P(CacheTest, CountersTouchAndMove) {
  EXPECT_EQ(MustCall(&Stub::Increment, "key: 'n' delta: 5 initial: 10").value(),
            15);
  EXPECT_TRUE(
      MustCall(&Stub::Touch, "key: 'n' expiration { ttl { seconds: 9 } }")
          .touched());
  EXPECT_GT(
      MustCall(&Stub::Move, "source_key: 'n' destination_key: 'm'").version(),
      0u);
  EXPECT_EQ(ValueOf("n"), "(none)");
  const v1::TransferResponse transfer =
      MustCall(&Stub::Transfer,
               "source_key: 'm' destination_key: 'o' amount: 4 "
               "create_destination: true");
  EXPECT_EQ(transfer.source_value(), 11);
  EXPECT_EQ(transfer.destination_value(), 4);
}

TEST_P(CacheTest, TransactTakesOneBranch) {
  const std::string request =
      "compares { key: 'k' precondition { exists: false } }"
      "on_success { put { key: 'k' value: 'first' } }"
      "on_success { get { key: 'k' } }"
      "on_failure { get { key: 'k' } }";
  const v1::TransactResponse first = MustCall(&Stub::Transact, request);
  EXPECT_TRUE(first.succeeded());
  EXPECT_EQ(first.results(1).get().entry().value(), "first");
  const v1::TransactResponse second = MustCall(&Stub::Transact, request);
  EXPECT_FALSE(second.succeeded());
  EXPECT_EQ(second.results(0).get().entry().value(), "first");
}

TEST_P(CacheTest, ScanStreamsPages) {
  for (int i = 0; i < 10; ++i) {
    MustCall(&Stub::Put, "key: 'k" + std::to_string(i) + "' value: 'v'");
  }
  v1::ScanRequest request;
  request.set_consistency(v1::ScanRequest::SNAPSHOT);
  request.set_page_size(4);
  grpc::ClientContext context;
  const auto reader = stub_->Scan(&context, request);
  v1::ScanResponse response;
  int entries = 0;
  while (reader->Read(&response)) entries += response.entries_size();
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(entries, 10);
  EXPECT_TRUE(response.resume_token().empty());
}

TEST_P(CacheTest, ErrorsCarryCodeReasonAndDetails) {
  MustCall(&Stub::Put, "key: 'text' value: 'x'");
  MustCall(&Stub::Put, "key: 'one' value: '1'");
  MustCall(&Stub::Put, "key: 'k' value: 'v' idempotency_key: 'i'");
  struct Row {
    std::function<grpc::Status()> call;
    StatusCode code;
    const char* reason;
    // Expected of the details; empty: not.
    const char* field = "";
    const char* applied = "no";
  };
  const std::vector<Row> rows = {
      {[&] { return Call(&Stub::Get, "key: ''"); },
       StatusCode::INVALID_ARGUMENT, "INVALID_KEY", "key", ""},
      {[&] {
         return Call(&Stub::Put, "key: '" + std::string(1025, 'k') + "'");
       },
       StatusCode::INVALID_ARGUMENT, "INVALID_KEY", "key"},
      {[&] {
         return Call(&Stub::Put, "key: 'k' value: '" +
                                     std::string(1024 * 1024 + 1, 'v') + "'");
       },
       StatusCode::INVALID_ARGUMENT, "VALUE_TOO_LARGE", "value"},
      {[&] {
         return Call(&Stub::BatchPut, "puts { key: 'k' } puts { key: 'k' }");
       },
       StatusCode::INVALID_ARGUMENT, "DUPLICATE_KEY", "puts[1].key"},
      {[&] {
         return Call(&Stub::Put, "key: 'k' expiration { ttl { seconds: 0 } }");
       },
       StatusCode::INVALID_ARGUMENT, "INVALID_EXPIRATION", "expiration.ttl"},
      {[&] {
         return Call(&Stub::Put, "key: 'none' precondition { exists: true }");
       },
       StatusCode::ABORTED, "PRECONDITION_FAILED"},
      {[&] {
         return Call(&Stub::Put, "key: 'one' precondition { exists: false }");
       },
       StatusCode::ALREADY_EXISTS, "KEY_EXISTS"},
      {[&] { return Call(&Stub::Increment, "key: 'none' delta: 1"); },
       StatusCode::NOT_FOUND, "KEY_NOT_FOUND"},
      {[&] { return Call(&Stub::Increment, "key: 'text' delta: 1"); },
       StatusCode::FAILED_PRECONDITION, "NOT_A_COUNTER"},
      {[&] { return Call(&Stub::Increment, "key: 'one' delta: 1 max: 1"); },
       StatusCode::OUT_OF_RANGE, "COUNTER_LIMIT"},
      {[&] { return Call(&Stub::Put, "key: 'l' idempotency_key: 'i'"); },
       StatusCode::FAILED_PRECONDITION, "IDEMPOTENCY_KEY_REUSED"},
      {[&] { return Call(&Stub::Put, "key: 'k' lease_token: 't'"); },
       StatusCode::ABORTED, "LEASE_LOST"},
      {[&] { return Call(&Stub::Get, "key: 'k' lease {}"); },
       StatusCode::INVALID_ARGUMENT, "INVALID_EXPIRATION", "lease.ttl", ""},
  };
  for (const Row& row : rows) {
    const client::CallError error = client::DecodeCallError(row.call());
    EXPECT_EQ(error.code, row.code) << row.reason << ": " << error.message;
    EXPECT_EQ(error.reason, row.reason) << error.message;
    EXPECT_EQ(error.field, row.field) << error.message;
    const auto applied = error.metadata.find("applied");
    EXPECT_EQ(applied == error.metadata.end() ? "" : applied->second,
              row.applied)
        << error.message;
  }
}

TEST_P(CacheTest, UnknownMethodIsUnimplemented) {
  EXPECT_EQ(SendBytes("/latchkey.v1.Cache/Nothing", "").error_code(),
            StatusCode::UNIMPLEMENTED);
}

TEST_P(CacheTest, GarbageIsABadField) {
  for (const char* path : {"/latchkey.v1.Cache/Get", "/latchkey.v1.Cache/Put",
                           "/latchkey.v1.Cache/Transact"}) {
    const client::CallError error =
        client::DecodeCallError(SendBytes(path, "\xff\xff\xff garbage"));
    EXPECT_EQ(error.code, StatusCode::INVALID_ARGUMENT) << path;
    EXPECT_EQ(error.reason, "INVALID_FIELD") << path;
  }
}

TEST_P(CacheTest, MessageOf4MiBIsReadAndOneByteMoreIsNot) {
  const auto message_of = [](size_t size) {
    v1::PutRequest put;
    put.set_key("k");
    // 3 bytes for the key, 5 for tag and length of the value.
    put.set_value(std::string(size - 8, 'v'));
    EXPECT_EQ(put.ByteSizeLong(), size);
    return put.SerializeAsString();
  };
  constexpr size_t kLimit = 4 * 1024 * 1024;
  EXPECT_EQ(client::DecodeCallError(
                SendBytes("/latchkey.v1.Cache/Put", message_of(kLimit)))
                .reason,
            "VALUE_TOO_LARGE");
  EXPECT_EQ(
      SendBytes("/latchkey.v1.Cache/Put", message_of(kLimit + 1)).error_code(),
      StatusCode::RESOURCE_EXHAUSTED);
}

// The client library rounds a deadline of now up to its next millisecond, which
// a quick server meets; what the server does with a timeout of 0 on the wire is
// seen in python/test_wire.py.
TEST_P(CacheTest, DeadlineThatHasPassedAppliesNothing) {
  EXPECT_EQ(CallWithin(std::chrono::milliseconds(-1000), &Stub::Put,
                       "key: 'late' value: 'v'")
                .error_code(),
            StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(ValueOf("late"), "(none)");
}

TEST_P(CacheTest, DeadlineOfOneMillisecondIsMetOrMissed) {
  int64_t done = 0;
  int64_t missed = 0;
  for (int i = 0; i < 300; ++i) {
    const grpc::Status status =
        CallWithin(std::chrono::milliseconds(1), &Stub::Increment,
                   "key: 'n' delta: 1 initial: 0");
    if (status.ok()) {
      ++done;
    } else {
      ASSERT_EQ(status.error_code(), StatusCode::DEADLINE_EXCEEDED);
      ++missed;
    }
  }
  // Who was told OK was counted; who was not may have been, once.
  const int64_t counted =
      MustCall(&Stub::Increment, "key: 'n' delta: 0 initial: 0").value();
  EXPECT_GE(counted, done);
  EXPECT_LE(counted, done + missed);
}

TEST_P(CacheTest, CancelledCallIsCancelled) {
  grpc::ClientContext context;
  context.TryCancel();
  v1::PutResponse response;
  const grpc::Status status =
      stub_->Put(&context, FromText<v1::PutRequest>("key: 'c'"), &response);
  EXPECT_EQ(status.error_code(), StatusCode::CANCELLED);
  EXPECT_EQ(ValueOf("c"), "(none)");
}

TEST_P(CacheTest, CancelledWatchIsOver) {
  grpc::ClientContext context;
  const auto watch = health_stub_->Watch(&context, {});
  grpc::health::v1::HealthCheckResponse response;
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(server_.live_calls(), 1);
  context.TryCancel();
  EXPECT_EQ(watch->Finish().error_code(), StatusCode::CANCELLED);
  WaitUntil([this] { return server_.live_calls() == 0; });
}

// Options reach the service.
class SmallCacheTest : public ServerFixture {
 protected:
  SmallCacheTest() : ServerFixture(Small()) {}

  static ServerOptions Small() {
    ServerOptions options = Options();
    options.key_bytes_max = 4;
    options.value_bytes_max = 8;
    return options;
  }
};

TEST_P(SmallCacheTest, KeysAndValuesAreBoundedByTheOptions) {
  EXPECT_TRUE(Call(&Stub::Put, "key: '1234' value: '12345678'").ok());
  EXPECT_EQ(client::DecodeCallError(Call(&Stub::Put, "key: '12345'")).reason,
            "INVALID_KEY");
  EXPECT_EQ(client::DecodeCallError(
                Call(&Stub::Put, "key: '1234' value: '123456789'"))
                .reason,
            "VALUE_TOO_LARGE");
}

LATCHKEY_OVER_EACH_TRANSPORT(CacheTest);
LATCHKEY_OVER_EACH_TRANSPORT(SmallCacheTest);

}  // namespace
}  // namespace latchkey
