// Idempotency keys through the service: which requests are copies, and what
// copies are told.

#include "server/service/keyed_writes.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/server/service/service_fixture.h"

namespace latchkey {
namespace {

std::string Trailer(const FakeCall& call, std::string_view name) {
  for (const auto& [key, value] : call.trailers()) {
    if (key == name) return value;
  }
  return "none";
}

class KeyedWritesTest : public ::testing::Test {
 protected:
  KeyedWritesTest() { service_.Register(methods_); }

  // Calls an RPC as a transport does, with a stamp where one is given.
  std::unique_ptr<FakeCall> Send(std::string_view name, std::string_view bytes,
                                 const std::string& stamp = "") {
    auto call = std::make_unique<FakeCall>(clock_);
    if (!stamp.empty()) call->SetMetadata("latchkey-stamp", stamp);
    const std::string path = "/latchkey.v1.Cache/" + std::string(name);
    DispatchUnary(*methods_.Find(path), *call, bytes, clock_.Now());
    return call;
  }
  std::unique_ptr<FakeCall> SendText(std::string_view name,
                                     const std::string& text,
                                     const std::string& stamp = "") {
    return Send(name, RequestBytes(name, text), stamp);
  }

  v1::GetOutcomeResponse Outcome(const std::string& text) {
    return SendText("GetOutcome", text)->reply<v1::GetOutcomeResponse>();
  }

  FakeClock clock_;
  SeededRandom random_{1};
  Store store_{StoreOptions{}, clock_, random_};
  CacheService service_{store_, clock_, ServiceOptions{}};
  MethodTable methods_;
};

struct WriteRow {
  std::string method;
  std::string request;
};

// One good request of each write, in an order in which all of them succeed.
std::vector<WriteRow> AllWrites() {
  return {
      {"Put", "key: 'p' value: '1' expiration { ttl { seconds: 60 } }"},
      {"BatchPut",
       "puts { key: 'p' value: '5' return_previous: true } "
       "puts { key: 'q' value: '2' }"},
      {"Touch", "key: 'p' expiration { ttl { seconds: 90 } }"},
      {"Increment", "key: 'q' delta: 3"},
      {"Transfer", "source_key: 'p' destination_key: 'q' amount: 2"},
      {"Move", "source_key: 'p' destination_key: 'r'"},
      {"Transact",
       "compares { key: 'r' precondition { exists: true } } "
       "on_success { get { key: 'r' } } "
       "on_success { put { key: 'r' value: 'x' return_previous: true } } "
       "on_success { delete { key: 'q' return_previous: true } }"},
      {"Delete", "key: 'r' return_previous: true"},
      {"BatchDelete", "deletes { key: 'r' } deletes { key: 'q' }"},
      {"BatchPut", ""},
      {"Transact", ""},
  };
}

TEST_F(KeyedWritesTest, EveryWriteIsReplayedByteForByte) {
  int number = 0;
  for (const WriteRow& row : AllWrites()) {
    SCOPED_TRACE(row.method + " " + row.request);
    const std::string id = "write-" + std::to_string(++number);
    const std::string request = row.request + " idempotency_key: '" + id + "'";
    const uint64_t before = store_.last_version();
    const auto first = SendText(row.method, request);
    ASSERT_TRUE(first->ok()) << first->error().message;
    EXPECT_EQ(Trailer(*first, "latchkey-replayed"), "none");
    EXPECT_EQ(Trailer(*first, "latchkey-stamp"),
              store_.CurrentStamp().ToText());
    const uint64_t after = store_.last_version();
    EXPECT_LE(after, before + 1);

    const auto copy = SendText(row.method, request);
    ASSERT_TRUE(copy->ok()) << copy->error().message;
    EXPECT_EQ(Trailer(*copy, "latchkey-replayed"), "1");
    EXPECT_EQ(copy->reply_bytes(), first->reply_bytes());
    EXPECT_EQ(store_.last_version(), after);

    const v1::GetOutcomeResponse outcome =
        Outcome("idempotency_key: '" + id + "'");
    EXPECT_EQ(outcome.state(), v1::GetOutcomeResponse::DONE);
    EXPECT_EQ(outcome.method(), "/latchkey.v1.Cache/" + row.method);
    EXPECT_EQ(outcome.response(), first->reply_bytes());
    EXPECT_EQ(outcome.code(), 0);
    EXPECT_EQ(outcome.complete_time().seconds(),
              clock_.Now() / kNanosPerSecond);
  }
}

TEST_F(KeyedWritesTest, AnErrorIsReplayedWithItsDetails) {
  const std::string move =
      "source_key: 'a' destination_key: 'b' idempotency_key: 'i'";
  const FakeCallError first = SendText("Move", move)->error();
  EXPECT_EQ(first.reason, "KEY_NOT_FOUND");
  SendText("Put", "key: 'a' value: '1'");
  const auto copy = SendText("Move", move);
  EXPECT_EQ(Trailer(*copy, "latchkey-replayed"), "1");
  EXPECT_EQ(copy->error().code, first.code);
  EXPECT_EQ(copy->error().message, first.message);
  EXPECT_EQ(copy->error().metadata, first.metadata);
  const v1::GetOutcomeResponse outcome = Outcome("idempotency_key: 'i'");
  EXPECT_EQ(outcome.code(), static_cast<int>(absl::StatusCode::kNotFound));
  EXPECT_EQ(outcome.message(), first.message);
  EXPECT_EQ(outcome.response(), "");
}

// A client in another language may order fields otherwise, send defaults, or
// know a field that this release does not.
TEST_F(KeyedWritesTest, ACopyIsKnownByItsFieldsNotByItsBytes) {
  const std::string key = "\x0a\x01k";
  const std::string value = "\x12\x01v";
  const std::string no_flags = std::string("\x28\x00", 2);
  const std::string unknown = "\xf8\x07\x01";
  const std::string id = "\x7a\x01i";
  ASSERT_TRUE(Send("Put", key + value + id)->ok());
  const uint64_t version = store_.last_version();
  for (const std::string& copy :
       {value + id + key, key + value + no_flags + id,
        unknown + key + value + id, id + id + key + value}) {
    const auto call = Send("Put", copy);
    ASSERT_TRUE(call->ok()) << call->error().message;
    EXPECT_EQ(Trailer(*call, "latchkey-replayed"), "1");
  }
  EXPECT_EQ(store_.last_version(), version);
}

TEST_F(KeyedWritesTest, AKeyBelongsToOneMethodAndItsFields) {
  const std::string id = " idempotency_key: 'i'";
  ASSERT_TRUE(SendText("Put", "key: 'k' value: 'v'" + id)->ok());
  const uint64_t version = store_.last_version();
  for (const WriteRow& row : std::vector<WriteRow>{
           {"Put", "key: 'k' value: 'w'"},
           {"Put", "key: 'l' value: 'v'"},
           {"Put", "key: 'k' value: 'v' flags: 1"},
           {"Put", "key: 'k' value: 'v' expiration { ttl { seconds: 1 } }"},
           {"Put", "key: 'k' value: 'v' precondition { exists: true }"},
           {"Delete", "key: 'k'"},
           {"Touch", "key: 'k'"}}) {
    SCOPED_TRACE(row.method + " " + row.request);
    const FakeCallError error = SendText(row.method, row.request + id)->error();
    EXPECT_EQ(error.code, absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(error.reason, "IDEMPOTENCY_KEY_REUSED");
    EXPECT_EQ(error.metadata.at("applied"), "no");
  }
  EXPECT_EQ(store_.last_version(), version);
}

TEST_F(KeyedWritesTest, StampsAreGivenAskedForAndRead) {
  const std::string put = "key: 'k' value: 'v' idempotency_key: 'i'";
  const std::string now = store_.CurrentStamp().ToText();
  // Whoever asks gets one, also without a key and with an error.
  EXPECT_EQ(Trailer(*SendText("Get", "key: 'k'", "?"), "latchkey-stamp"), now);
  EXPECT_EQ(Trailer(*SendText("Get", "key: ''", "?"), "latchkey-stamp"), now);
  EXPECT_EQ(Trailer(*SendText("Get", "key: 'k'"), "latchkey-stamp"), "none");
  EXPECT_EQ(Trailer(*SendText("Put", "key: 'k'"), "latchkey-stamp"), "none");

  clock_.Advance(120 * kNanosPerSecond);
  const auto late = SendText("Put", put, now);
  EXPECT_EQ(late->error().reason, "IDEMPOTENCY_KEY_EXPIRED");
  EXPECT_EQ(late->error().metadata.at("applied"), "unknown");
  const auto other = SendText("Put", put, "0000000000000000-1700000000");
  EXPECT_EQ(other->error().reason, "INCARNATION_CHANGED");
  EXPECT_EQ(other->error().metadata.at("applied"), "unknown");
  const auto bad = SendText("Put", put, "yesterday");
  EXPECT_EQ(bad->error().reason, "INVALID_FIELD");
  EXPECT_EQ(bad->error().field, "latchkey-stamp");
  EXPECT_TRUE(SendText("Put", put, "?")->ok());
}

TEST_F(KeyedWritesTest, AFenceIsToldAndKept) {
  EXPECT_EQ(Outcome("idempotency_key: 'i'").state(),
            v1::GetOutcomeResponse::UNKNOWN);
  EXPECT_EQ(Outcome("idempotency_key: 'i' fence: true").state(),
            v1::GetOutcomeResponse::NOT_APPLIED);
  const FakeCallError error =
      SendText("Put", "key: 'k' idempotency_key: 'i'")->error();
  EXPECT_EQ(error.reason, "IDEMPOTENCY_KEY_FENCED");
  EXPECT_EQ(error.metadata.at("applied"), "no");
}

TEST_F(KeyedWritesTest, AQuestionMayCarryTheStampOfItsWrite) {
  const std::string put = "key: 'k' value: 'v' idempotency_key: 'i'";
  const std::string ask = "idempotency_key: 'i' fence: true";
  const std::string stamp = store_.CurrentStamp().ToText();
  ASSERT_TRUE(SendText("Put", put, stamp)->ok());
  EXPECT_EQ(SendText("GetOutcome", ask, stamp)
                ->reply<v1::GetOutcomeResponse>()
                .state(),
            v1::GetOutcomeResponse::DONE);

  clock_.Advance(120 * kNanosPerSecond);
  const auto late = SendText("GetOutcome", ask, stamp);
  EXPECT_EQ(late->error().code, absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(late->error().reason, "IDEMPOTENCY_KEY_EXPIRED");
  EXPECT_EQ(late->error().metadata.at("applied"), "unknown");
  const auto other = SendText("GetOutcome", ask, "0000000000000000-1700000000");
  EXPECT_EQ(other->error().reason, "INCARNATION_CHANGED");
  EXPECT_EQ(other->error().metadata.at("applied"), "unknown");
  EXPECT_EQ(SendText("GetOutcome", ask, "yesterday")->error().field,
            "latchkey-stamp");
  // Who only asks for a stamp carries none.
  EXPECT_EQ(Outcome("idempotency_key: 'i'").state(),
            v1::GetOutcomeResponse::UNKNOWN);
  EXPECT_TRUE(SendText("GetOutcome", ask, "?")->ok());
}

}  // namespace
}  // namespace latchkey
