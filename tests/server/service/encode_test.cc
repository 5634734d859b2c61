// Results of the store as messages, in text format.

#include "server/service/encode.h"

#include <gtest/gtest.h>

#include <string>

#include "google/protobuf/util/message_differencer.h"
#include "tests/server/service/service_fixture.h"

namespace latchkey {
namespace {

constexpr UnixNanos kTime = 1'700'000'000 * kNanosPerSecond + 5;
constexpr uint64_t kVersion = 77;

EntryView MakeEntry(UnixNanos expire_time = kNever) {
  EntryRef entry = Entry::Make("key", "value", 9, kNever);
  entry->set_version(42);
  // The expiry of the view counts, not the one that the entry has by now.
  return {std::move(entry), expire_time};
}

template <typename Message>
void ExpectText(const Message& message, const std::string& text) {
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(
      message, FromText<Message>(text)))
      << message.DebugString() << "is not\n"
      << text;
}

template <typename Response, typename Result>
Response EncodeOne(const Result& result) {
  Response response;
  Encode(OperationResult(result), kVersion, &response);
  return response;
}

TEST(EncodeTest, Get) {
  ExpectText(EncodeOne<v1::GetResponse>(GetResult{}), "");
  ExpectText(EncodeOne<v1::GetResponse>(GetResult{.found = MakeEntry()}),
             "entry { key: 'key' value: 'value' version: 42 flags: 9 }");
  ExpectText(EncodeOne<v1::GetResponse>(GetResult{.found = MakeEntry(kTime)}),
             "entry { key: 'key' value: 'value' version: 42 flags: 9 "
             "expire_time { seconds: 1700000000 nanos: 5 } }");
  ExpectText(EncodeOne<v1::GetResponse>(GetResult{.not_modified = true}),
             "not_modified: true");
  ExpectText(EncodeOne<v1::GetResponse>(
                 GetResult{.not_modified = true, .touched_expire_time = kTime}),
             "not_modified: true "
             "expire_time { seconds: 1700000000 nanos: 5 }");
}

TEST(EncodeTest, Put) {
  ExpectText(EncodeOne<v1::PutResponse>(PutResult{}), "version: 77");
  ExpectText(EncodeOne<v1::PutResponse>(
                 PutResult{.expire_time = kTime, .previous = MakeEntry()}),
             "version: 77 expire_time { seconds: 1700000000 nanos: 5 } "
             "previous { key: 'key' value: 'value' version: 42 flags: 9 }");
}

TEST(EncodeTest, Delete) {
  ExpectText(EncodeOne<v1::DeleteResponse>(DeleteResult{}), "");
  ExpectText(EncodeOne<v1::DeleteResponse>(
                 DeleteResult{.deleted = true, .previous = MakeEntry()}),
             "deleted: true version: 77 "
             "previous { key: 'key' value: 'value' version: 42 flags: 9 }");
}

TEST(EncodeTest, Increment) {
  ExpectText(EncodeOne<v1::IncrementResponse>(IncrementResult{.value = -3}),
             "value: -3 version: 77");
}

TEST(EncodeTest, Touch) {
  ExpectText(EncodeOne<v1::TouchResponse>(TouchResult{}), "");
  ExpectText(EncodeOne<v1::TouchResponse>(TouchResult{.touched = true}),
             "touched: true version: 77");
  ExpectText(EncodeOne<v1::TouchResponse>(
                 TouchResult{.touched = true, .expire_time = kTime}),
             "touched: true version: 77 "
             "expire_time { seconds: 1700000000 nanos: 5 }");
}

TEST(EncodeTest, Move) {
  ExpectText(EncodeOne<v1::MoveResponse>(MoveResult{}), "version: 77");
  ExpectText(EncodeOne<v1::MoveResponse>(MoveResult{.expire_time = kTime}),
             "version: 77 expire_time { seconds: 1700000000 nanos: 5 }");
}

TEST(EncodeTest, Transfer) {
  ExpectText(EncodeOne<v1::TransferResponse>(
                 TransferResult{.source_value = -1, .destination_value = 2}),
             "source_value: -1 destination_value: 2 version: 77");
}

TEST(EncodeTest, BatchGet) {
  BatchGetResult result;
  result.results.push_back({.found = MakeEntry()});
  result.results.push_back({});
  result.snapshot_version = 50;
  v1::BatchGetResponse response;
  Encode(result, &response);
  ExpectText(response,
             "results { entry { key: 'key' value: 'value' version: 42 "
             "flags: 9 } } results {} snapshot_version: 50");
}

TransactionResult OneOfEach() {
  TransactionResult result;
  result.version = kVersion;
  result.results = {GetResult{},
                    PutResult{},
                    DeleteResult{},
                    IncrementResult{.value = 1},
                    TouchResult{},
                    MoveResult{},
                    TransferResult{.source_value = 2}};
  return result;
}

TEST(EncodeTest, Transact) {
  v1::TransactResponse response;
  Encode(OneOfEach(), &response);
  ExpectText(response,
             "succeeded: true version: 77 "
             "results { get {} } results { put { version: 77 } } "
             "results { delete {} } results { increment { value: 1 version: 77 "
             "} } results { touch {} } results { move { version: 77 } } "
             "results { transfer { source_value: 2 version: 77 } }");
}

TEST(EncodeTest, TransactThatDidNotSucceed) {
  TransactionResult result;
  result.succeeded = false;
  v1::TransactResponse response;
  Encode(result, &response);
  ExpectText(response, "");
}

TEST(EncodeTest, BatchPut) {
  TransactionResult result;
  result.version = kVersion;
  result.results = {PutResult{.previous = MakeEntry()}, PutResult{}};
  v1::BatchPutResponse response;
  Encode(result, &response);
  ExpectText(response,
             "results { version: 77 previous { key: 'key' value: 'value' "
             "version: 42 flags: 9 } } results { version: 77 }");
}

// What removed nothing has no version, whatever the others did.
TEST(EncodeTest, BatchDelete) {
  TransactionResult result;
  result.version = kVersion;
  result.results = {DeleteResult{.deleted = true}, DeleteResult{}};
  v1::BatchDeleteResponse response;
  Encode(result, &response);
  ExpectText(response, "results { deleted: true version: 77 } results {}");
}

}  // namespace
}  // namespace latchkey
