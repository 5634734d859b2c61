// Messages by hand against the generated code.

#include "server/service/hot_messages.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "server/rpc/reply_body.h"
#include "server/service/encode.h"
#include "tests/server/service/hot_messages_oracle.h"
#include "tests/server/service/service_fixture.h"

namespace latchkey {
namespace {

TEST(HotReadersTest, TakeTheUsualFormsAndNoOthers) {
  const struct {
    const char* message;
    const char* text;
    const char* took;
  } rows[] = {
      {"Get", "key: 'k'", "gpb"},
      {"Get", "key: 'k' if_version_not: 300", "g"},
      {"Get", "key: 'k' if_version_not: 18446744073709551615", "g"},
      {"Get", "", ""},
      // The bytes are those of a Put with a ttl, too, and further down those of
      // a Get with a version.
      {"Get", "key: 'k' touch { ttl { seconds: 1 } }", "p"},
      {"Get", "key: 'k' lease { ttl { seconds: 1 } }", ""},
      {"Get", "key: '123456789012345678901'", ""},
      {"Put", "key: 'k' value: 'v'", "p"},
      {"Put", "key: 'k' value: 'v' flags: 7", "p"},
      {"Put", "key: 'k' flags: 4294967295", "p"},
      {"Put", "key: 'k' expiration { ttl { seconds: 5 nanos: 6 } }", "p"},
      {"Put", "key: 'k' expiration { ttl { nanos: 6 } }", "p"},
      {"Put", "key: 'k' expiration { ttl { } }", ""},
      {"Put", "key: 'k' expiration { }", ""},
      {"Put", "key: 'k' expiration { ttl { seconds: -5 } }", ""},
      {"Put", "key: 'k' expiration { ttl { nanos: 1000000000 } }", ""},
      {"Put", "key: 'k' expiration { ttl { seconds: 4000000000 } }", ""},
      {"Put", "key: 'k' expiration { keep: true }", ""},
      {"Put", "key: 'k' expiration { expire_time { seconds: 5 } }", ""},
      {"Put", "key: 'k' precondition { exists: true }", ""},
      {"Put", "key: 'k' return_previous: true", ""},
      {"Put", "key: 'k' idempotency_key: 'i'", ""},
      {"Put", "key: 'k' lease_token: 't'", ""},
      {"BatchGet", "keys: 'a' keys: 'b' keys: 'a'", "b"},
      {"BatchGet", "keys: 'a' keys: ''", ""},
      {"BatchGet", "keys: 'a' atomic: true", "g"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(CompareReaders(RequestBytes(row.message, row.text)), row.took)
        << row.message << " " << row.text;
  }
}

TEST(HotReadersTest, TakeNothingBroken) {
  const std::string good =
      RequestBytes("Put", "key: 'key' value: 'v' flags: 9");
  for (size_t size = 0; size < good.size(); ++size) {
    const std::string took = CompareReaders(good.substr(0, size));
    EXPECT_EQ(took.find("wrong"), std::string::npos) << size;
  }
  // A varint of eleven bytes, and one that is over 64 bits.
  EXPECT_EQ(CompareReaders("\x0a\x01k\x10" + std::string(10, '\xff') + "\x01"),
            "");
  EXPECT_EQ(CompareReaders("\x0a\x01k\x10" + std::string(9, '\xff') + "\x02"),
            "");
  // A size beyond the end, and a huge one.
  EXPECT_EQ(CompareReaders("\x0a\x05key"), "");
  EXPECT_EQ(CompareReaders("\x0a" + std::string(9, '\xff') + "\x01key"), "");
  // A key twice: the last one counts, which is left to the generated code.
  EXPECT_EQ(CompareReaders("\x0a\x01k\x10\x01\x0a\x01l"), "");
}

TEST(HotReadersTest, AgreeWithGeneratedCodeOnRandomRequests) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const auto below = [&random](uint32_t bound) { return random() % bound; };
  size_t taken = 0;
  for (int i = 0; i < 40'000; ++i) {
    v1::PutRequest put;
    put.set_key(std::string(below(4) == 0 ? below(25) : 1 + below(9), 'k'));
    if (below(2) == 0) put.set_value(std::string(below(55), 'v'));
    if (below(3) == 0) put.set_flags(random() >> below(32));
    if (below(4) == 0) {
      auto* ttl = put.mutable_expiration()->mutable_ttl();
      if (below(4) != 0) ttl->set_seconds(below(100));
      if (below(4) == 0) ttl->set_nanos(static_cast<int32_t>(random()));
    }
    if (below(10) == 0) put.mutable_precondition()->set_version(random());
    if (below(10) == 0) put.set_idempotency_key("i");
    std::string bytes = put.SerializeAsString();
    for (uint32_t errors = below(3); errors > 0 && !bytes.empty(); --errors) {
      const auto at = below(static_cast<uint32_t>(bytes.size()));
      switch (below(4)) {
        case 0:
          bytes[at] = static_cast<char>(random());
          break;
        case 1:
          bytes.erase(at, 1 + below(3));
          break;
        case 2:
          bytes.insert(at, 1, static_cast<char>(random()));
          break;
        default:
          bytes += bytes.substr(at);
          break;
      }
    }
    const std::string took = CompareReaders(bytes);
    ASSERT_EQ(took.find("wrong"), std::string::npos)
        << testing::PrintToString(bytes) << " " << took;
    taken += took.size();
  }
  EXPECT_GT(taken, 10'000u);
}

// One result of a Get, from random numbers.
GetResult RandomResult(std::mt19937& random) {
  const auto below = [&random](uint32_t bound) { return random() % bound; };
  GetResult result;
  result.not_modified = below(4) == 0;
  if (below(5) == 0) return result;
  const std::string key(1 + below(below(2) == 0 ? 10 : 300), 'k');
  const std::string value(below(below(2) == 0 ? 10 : 20'000), 'v');
  const uint32_t flags =
      below(2) == 0 ? 0 : static_cast<uint32_t>(random()) >> below(32);
  EntryRef entry = Entry::Make(key, value, flags, kNever);
  entry->set_version((uint64_t{random()} << 32 | random()) >> below(64));
  UnixNanos expire_time = kNever;
  if (below(2) == 0) {
    expire_time = static_cast<UnixNanos>(
                      (uint64_t{random()} << 31 | random()) >> below(62)) *
                  (below(8) == 0 ? -1 : 1);
    // Whole seconds leave a field out.
    if (below(4) == 0) expire_time -= expire_time % kNanosPerSecond;
  }
  result.found = {std::move(entry), expire_time};
  return result;
}

template <typename Response, typename Result>
std::string Generated(const Result& result) {
  Response response;
  Encode(result, &response);
  return response.SerializeAsString();
}

TEST(HotRepliesTest, AreTheBytesOfGeneratedCode) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int i = 0; i < 3'000; ++i) {
    const GetResult get = RandomResult(random);
    ASSERT_EQ(ReplyBody::Encoded(HotGetReply(get)).ToString(),
              Generated<v1::GetResponse>(get));
    if (get.found.entry && !get.found.entry->value().empty() &&
        !get.not_modified) {
      ASSERT_EQ(ReplyBody::Of(LargeGetReply(get)).ToString(),
                Generated<v1::GetResponse>(get));
    }

    const UnixNanos expire_time = get.found.expire_time;
    const uint64_t version = random() >> random() % 32;
    v1::PutResponse put;
    Encode(OperationResult(PutResult{.expire_time = expire_time}), version,
           &put);
    ASSERT_EQ(ReplyBody::Encoded(HotPutReply(version, expire_time)).ToString(),
              put.SerializeAsString());

    BatchGetResult batch;
    for (auto count = random() % 8; count > 0; --count) {
      batch.results.push_back(RandomResult(random));
    }
    batch.snapshot_version = random() % 2 == 0 ? 0 : random();
    ASSERT_EQ(ReplyBody::Encoded(HotBatchGetReply(batch)).ToString(),
              Generated<v1::BatchGetResponse>(batch));
  }
}

class HotServiceTest : public ServiceTest {};

TEST_F(HotServiceTest, AnswersAndErrorsAreTheUsualOnes) {
  Must<v1::PutResponse>("Put",
                        "key: 'a' value: '1' flags: 7 "
                        "expiration { ttl { seconds: 60 } }");
  const auto get = Must<v1::GetResponse>("Get", "key: 'a'");
  EXPECT_EQ(get.entry().value(), "1");
  EXPECT_EQ(get.entry().flags(), 7u);
  EXPECT_EQ(get.entry().expire_time().seconds(), kStartSeconds + 60);
  EXPECT_FALSE(Must<v1::GetResponse>("Get", "key: 'b'").has_entry());
  const auto batch =
      Must<v1::BatchGetResponse>("BatchGet", "keys: 'b' keys: 'a'");
  ASSERT_EQ(batch.results_size(), 2);
  EXPECT_FALSE(batch.results(0).has_entry());
  EXPECT_EQ(batch.results(1).entry().key(), "a");
  EXPECT_EQ(Error("Get", "key: ''").reason, "INVALID_KEY");
  EXPECT_EQ(Error("Put", "key: ''").reason, "INVALID_KEY");
}

}  // namespace
}  // namespace latchkey
