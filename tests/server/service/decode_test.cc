// Good requests as operations; validation_test.cc has the bad ones.

#include "server/service/decode.h"

#include <gtest/gtest.h>

#include <string>
#include <variant>

#include "tests/server/service/service_fixture.h"

namespace latchkey {
namespace {

class DecodeTest : public ::testing::Test {
 protected:
  // The operation of a request that must be good.  The request lives on in
  // `request`.
  template <typename Kind, typename Request>
  Kind Decode(const std::string& text, Request* request) {
    *request = FromText<Request>(text);
    Operation operation;
    EXPECT_EQ(decoder_.Decode(*request, &operation), absl::OkStatus());
    EXPECT_TRUE(std::holds_alternative<Kind>(operation));
    return std::get<Kind>(operation);
  }

  Expiration DecodeExpiration(const std::string& text) {
    v1::PutRequest request;
    return Decode<PutOperation>("key: 'k' expiration { " + text + " }",
                                &request)
        .expiration;
  }

  FakeClock clock_;
  Decoder decoder_{ServiceOptions{}, clock_};
};

TEST_F(DecodeTest, Get) {
  v1::GetRequest request;
  auto get = Decode<GetOperation>("key: 'k' if_version_not: 7", &request);
  EXPECT_EQ(get.key, "k");
  EXPECT_EQ(get.if_version_not, 7u);
  EXPECT_FALSE(get.touch.has_value());
  // The bytes are the request's own.
  EXPECT_EQ(get.key.data(), request.key().data());
}

TEST_F(DecodeTest, GetThatTouches) {
  v1::GetRequest request;
  auto get = Decode<GetOperation>("key: 'k' touch {}", &request);
  ASSERT_TRUE(get.touch.has_value());
  EXPECT_EQ(get.touch->kind, Expiration::Kind::kNever);
  get = Decode<GetOperation>("key: 'k' touch { ttl { seconds: 1 } }", &request);
  ASSERT_TRUE(get.touch.has_value());
  EXPECT_EQ(get.touch->kind, Expiration::Kind::kTtl);
  EXPECT_EQ(get.touch->ttl, kNanosPerSecond);
}

TEST_F(DecodeTest, Put) {
  v1::PutRequest request;
  auto put = Decode<PutOperation>(
      "key: 'k' value: 'v' expiration { ttl { seconds: 2 nanos: 3 } } "
      "precondition { version: 9 } flags: 4294967295 return_previous: true",
      &request);
  EXPECT_EQ(put.key, "k");
  EXPECT_EQ(put.value, "v");
  EXPECT_EQ(put.expiration.kind, Expiration::Kind::kTtl);
  EXPECT_EQ(put.expiration.ttl, 2 * kNanosPerSecond + 3);
  EXPECT_EQ(put.precondition.kind, Precondition::Kind::kVersion);
  EXPECT_EQ(put.precondition.version, 9u);
  EXPECT_EQ(put.flags, 4294967295u);
  EXPECT_TRUE(put.return_previous);

  put = Decode<PutOperation>("key: 'k'", &request);
  EXPECT_EQ(put.value, "");
  EXPECT_EQ(put.expiration.kind, Expiration::Kind::kNever);
  EXPECT_EQ(put.precondition.kind, Precondition::Kind::kNone);
  EXPECT_EQ(put.flags, 0u);
  EXPECT_FALSE(put.return_previous);
}

TEST_F(DecodeTest, Expirations) {
  EXPECT_EQ(DecodeExpiration("").kind, Expiration::Kind::kNever);
  EXPECT_EQ(DecodeExpiration("keep: true").kind, Expiration::Kind::kKeep);
  const Expiration at =
      DecodeExpiration("expire_time { seconds: 1800000000 nanos: 4 }");
  EXPECT_EQ(at.kind, Expiration::Kind::kAt);
  EXPECT_EQ(at.at, 1'800'000'000 * kNanosPerSecond + 4);
  // Whether it is past is for the store to say, at the commit.
  EXPECT_EQ(DecodeExpiration("expire_time { seconds: -99999999999 }").at,
            INT64_MIN);
}

TEST_F(DecodeTest, Preconditions) {
  const auto decode = [this](const std::string& text) {
    v1::DeleteRequest request;
    return Decode<DeleteOperation>("key: 'k' precondition { " + text + " }",
                                   &request)
        .precondition.kind;
  };
  EXPECT_EQ(decode(""), Precondition::Kind::kNone);
  EXPECT_EQ(decode("exists: true"), Precondition::Kind::kExists);
  EXPECT_EQ(decode("exists: false"), Precondition::Kind::kMissing);
  EXPECT_EQ(decode("version: 1"), Precondition::Kind::kVersion);
  EXPECT_EQ(decode("value: ''"), Precondition::Kind::kValue);
}

TEST_F(DecodeTest, Delete) {
  v1::DeleteRequest request;
  const auto del = Decode<DeleteOperation>(
      "key: 'k' precondition { value: 'v' } return_previous: true", &request);
  EXPECT_EQ(del.key, "k");
  EXPECT_EQ(del.precondition.kind, Precondition::Kind::kValue);
  EXPECT_EQ(del.precondition.value, "v");
  EXPECT_TRUE(del.return_previous);
}

TEST_F(DecodeTest, Increment) {
  v1::IncrementRequest request;
  auto increment = Decode<IncrementOperation>(
      "key: 'k' delta: -3 initial: 10 min: -5 max: 20 expiration {}", &request);
  EXPECT_EQ(increment.key, "k");
  EXPECT_EQ(increment.delta, -3);
  EXPECT_EQ(increment.initial, 10);
  EXPECT_EQ(increment.min, -5);
  EXPECT_EQ(increment.max, 20);
  // Set but empty is not absent.
  EXPECT_EQ(increment.expiration.kind, Expiration::Kind::kNever);

  increment = Decode<IncrementOperation>("key: 'k'", &request);
  EXPECT_EQ(increment.delta, 0);
  EXPECT_EQ(increment.initial, std::nullopt);
  EXPECT_EQ(increment.min, INT64_MIN);
  EXPECT_EQ(increment.max, INT64_MAX);
  EXPECT_EQ(increment.expiration.kind, Expiration::Kind::kKeep);

  // A bound of 0 is a bound.
  increment =
      Decode<IncrementOperation>("key: 'k' initial: 0 min: 0 max: 0", &request);
  EXPECT_EQ(increment.initial, 0);
  EXPECT_EQ(increment.min, 0);
  EXPECT_EQ(increment.max, 0);
}

TEST_F(DecodeTest, Touch) {
  v1::TouchRequest request;
  auto touch = Decode<TouchOperation>(
      "key: 'k' expiration { ttl { nanos: 1 } }", &request);
  EXPECT_EQ(touch.key, "k");
  EXPECT_EQ(touch.expiration.kind, Expiration::Kind::kTtl);
  touch = Decode<TouchOperation>("key: 'k'", &request);
  EXPECT_EQ(touch.expiration.kind, Expiration::Kind::kNever);
}

TEST_F(DecodeTest, Move) {
  v1::MoveRequest request;
  const auto move = Decode<MoveOperation>(
      "source_key: 'a' destination_key: 'b' overwrite: true "
      "source_precondition { version: 1 } "
      "destination_precondition { exists: false }",
      &request);
  EXPECT_EQ(move.source_key, "a");
  EXPECT_EQ(move.destination_key, "b");
  EXPECT_TRUE(move.overwrite);
  EXPECT_EQ(move.source_precondition.kind, Precondition::Kind::kVersion);
  EXPECT_EQ(move.destination_precondition.kind, Precondition::Kind::kMissing);
}

TEST_F(DecodeTest, Transfer) {
  v1::TransferRequest request;
  auto transfer = Decode<TransferOperation>(
      "source_key: 'a' destination_key: 'b' amount: 9223372036854775807 "
      "source_min: -4 create_destination: true",
      &request);
  EXPECT_EQ(transfer.source_key, "a");
  EXPECT_EQ(transfer.destination_key, "b");
  EXPECT_EQ(transfer.amount, INT64_MAX);
  EXPECT_EQ(transfer.source_min, -4);
  EXPECT_TRUE(transfer.create_destination);

  transfer = Decode<TransferOperation>(
      "source_key: 'a' destination_key: 'b' amount: 1", &request);
  EXPECT_EQ(transfer.source_min, 0);
  EXPECT_FALSE(transfer.create_destination);
}

TEST_F(DecodeTest, ListsKeepTheirOrder) {
  const auto keys =
      FromText<v1::BatchGetRequest>("keys: 'b' keys: 'a' keys: 'b'");
  std::vector<std::string_view> decoded_keys;
  EXPECT_EQ(decoder_.Decode(keys, &decoded_keys), absl::OkStatus());
  EXPECT_EQ(decoded_keys, (std::vector<std::string_view>{"b", "a", "b"}));

  const auto puts =
      FromText<v1::BatchPutRequest>("puts { key: 'b' } puts { key: 'a' }");
  std::vector<Operation> operations;
  EXPECT_EQ(decoder_.Decode(puts, &operations), absl::OkStatus());
  ASSERT_EQ(operations.size(), 2u);
  EXPECT_EQ(std::get<PutOperation>(operations[0]).key, "b");
  EXPECT_EQ(std::get<PutOperation>(operations[1]).key, "a");
}

TEST_F(DecodeTest, Transact) {
  const auto request = FromText<v1::TransactRequest>(
      "compares { key: 'c' precondition { exists: false } } "
      "on_success { get { key: 'a' } } on_success { put { key: 'b' } } "
      "on_success { delete { key: 'c' } } on_success { increment { key: 'd' } "
      "} on_success { touch { key: 'e' } } "
      "on_success { move { source_key: 'f' destination_key: 'g' } } "
      "on_success { transfer { source_key: 'h' destination_key: 'i' amount: 1 "
      "} } on_failure { get { key: 'j' } }");
  DecodedTransaction decoded;
  EXPECT_EQ(decoder_.Decode(request, &decoded), absl::OkStatus());
  ASSERT_EQ(decoded.compares.size(), 1u);
  EXPECT_EQ(decoded.compares[0].key, "c");
  EXPECT_EQ(decoded.compares[0].precondition.kind,
            Precondition::Kind::kMissing);
  ASSERT_EQ(decoded.on_success.size(), 7u);
  for (size_t i = 0; i < 7; ++i) EXPECT_EQ(decoded.on_success[i].index(), i);
  EXPECT_EQ(std::get<GetOperation>(decoded.on_success[0]).key, "a");
  EXPECT_EQ(std::get<TransferOperation>(decoded.on_success[6]).source_key, "h");
  ASSERT_EQ(decoded.on_failure.size(), 1u);
  EXPECT_EQ(std::get<GetOperation>(decoded.on_failure[0]).key, "j");
}

}  // namespace
}  // namespace latchkey
