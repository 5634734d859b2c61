// Bad input gets its row of the error table, and the largest good input an
// answer.

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/server/service/service_fixture.h"
#include "tests/server/service/validation_rows.h"

namespace latchkey {
namespace {

using absl::StrCat;

using ValidationTest = ServiceTest;

// With a counter at "k", so that only the bad field can be what fails.
void ExpectRefused(const BadRow& row, const FakeCallError& error) {
  SCOPED_TRACE(StrCat(row.method, " ", row.request.substr(0, 200)));
  EXPECT_EQ(error.code, absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(error.reason, row.reason);
  EXPECT_EQ(error.domain, "latchkey");
  EXPECT_EQ(error.field, row.field);
  std::map<std::string, std::string> metadata;
  if (row.kind == kWrite) metadata["applied"] = "no";
  if (!row.index.empty()) metadata["index"] = row.index;
  EXPECT_EQ(error.metadata, metadata);
}

TEST_F(ValidationTest, RefusesEveryBadField) {
  Must<v1::PutResponse>("Put", "key: 'k' value: '1'");
  for (const auto& rows :
       {KeyRows(), ValueRows(), ExpirationRows(), CountRows(), FieldRows(),
        DuplicateKeyRows(), IdempotencyKeyRows()}) {
    for (const BadRow& row : rows) {
      ExpectRefused(row, Error(row.method, row.request));
    }
  }
}

TEST_F(ValidationTest, RefusesBytesThatAreNoMessage) {
  // A key whose length runs past the end.
  const std::string_view garbage("\x0a\x7f\x01", 3);
  for (const auto& [method, kind] :
       std::vector<std::pair<std::string, Kind>>{{"Get", kRead},
                                                 {"BatchGet", kRead},
                                                 {"Put", kWrite},
                                                 {"BatchPut", kWrite},
                                                 {"Delete", kWrite},
                                                 {"BatchDelete", kWrite},
                                                 {"Increment", kWrite},
                                                 {"Touch", kWrite},
                                                 {"Move", kWrite},
                                                 {"Transfer", kWrite},
                                                 {"Transact", kWrite},
                                                 {"Scan", kRead},
                                                 {"GetOutcome", kRead}}) {
    ExpectRefused({method, "garbage", "INVALID_FIELD", "request", kind},
                  ErrorOfBytes(method, garbage));
  }
}

TEST_F(ValidationTest, RefusesAConsistencyThatDoesNotExist) {
  v1::ScanRequest request;
  request.set_consistency(static_cast<v1::ScanRequest::Consistency>(2));
  ExpectRefused(
      {"Scan", "consistency: 2", "INVALID_FIELD", "consistency", kRead},
      ErrorOfBytes("Scan", request.SerializeAsString()));
}

// Two million empty elements are refused while they are still 4 MiB of bytes;
// an empty key would be INVALID_KEY if they were ever looked at.
TEST_F(ValidationTest, RefusesTooManyElementsBeforeTheyAreBuilt) {
  std::string bytes;
  for (int i = 0; i < 2'000'000; ++i) bytes.append("\x0a\x00", 2);
  for (const auto& [method, field, kind] :
       std::vector<std::tuple<std::string, std::string, Kind>>{
           {"BatchGet", "keys", kRead},
           {"BatchPut", "puts", kWrite},
           {"BatchDelete", "deletes", kWrite},
           {"Transact", "compares", kWrite}}) {
    ExpectRefused(
        {method, "2,000,000 elements", "TOO_MANY_OPERATIONS", field, kind},
        ErrorOfBytes(method, bytes));
    // Even where what follows cannot be parsed at all.
    ExpectRefused(
        {method, "... and garbage", "TOO_MANY_OPERATIONS", field, kind},
        ErrorOfBytes(method, bytes + "\x07"));
  }
}

struct GoodRow {
  std::string method;
  std::string request;
};

TEST_F(ValidationTest, TakesWhatIsJustWithinTheLimits) {
  const std::string key = Bytes(1024);
  const std::string value = Bytes(1024 * 1024);
  const std::string elements = Repeat(64, "on_success { put { key: 'k#' } }");
  const std::vector<GoodRow> rows = {
      {"Get", StrCat("key: '", key, "'")},
      {"Put", StrCat("key: '", key, "' value: '", value, "'")},
      {"Put", StrCat("key: '", key, "' precondition { value: '", value, "' }")},
      {"Put", "key: 'a' precondition {}"},
      {"Put", "key: 'a' expiration {}"},
      {"Put", "key: 'a' expiration { ttl { nanos: 1 } }"},
      {"Put", StrCat("key: 'a' expiration { ttl { seconds: ",
                     kExpirationMaxSeconds, " } }")},
      {"Put", StrCat("key: 'a' expiration { expire_time { seconds: ",
                     kRowsNowSeconds + kExpirationMaxSeconds, " } }")},
      {"Put",
       "key: 'a' expiration { expire_time { seconds: 1700000000 "
       "nanos: 1 } }"},
      {"Put", "key: 'a' expiration { keep: true }"},
      {"Put", "key: 'c' value: '0'"},
      {"Increment", "key: 'c' min: 0 max: 0"},
      {"Transfer",
       "source_key: 'c' destination_key: 'd' create_destination: "
       "true amount: 9223372036854775807 "
       "source_min: -9223372036854775807"},
      {"BatchGet", Repeat(10'000, "keys: 'k'")},
      {"BatchGet", StrCat("atomic: true ", Repeat(128, "keys: 'k'"))},
      {"BatchPut", Repeat(128, "puts { key: 'k#' }")},
      {"BatchDelete", Repeat(128, "deletes { key: 'k#' }")},
      {"Transact",
       StrCat(elements, Repeat(63, "on_failure { get { key: 'k' } }"),
              "compares { key: 'x' precondition { exists: false "
              "} }")},
      {"BatchGet", ""},
      {"BatchGet", "atomic: true"},
      {"BatchPut", ""},
      {"BatchDelete", ""},
      {"Transact", ""},
  };
  for (const GoodRow& row : rows) {
    SCOPED_TRACE(StrCat(row.method, " ", row.request.substr(0, 200)));
    const auto call = Call(row.method, RequestBytes(row.method, row.request));
    EXPECT_TRUE(call->ok()) << call->error().message;
  }
}

class SmallLimitsTest : public ServiceTest {
 protected:
  SmallLimitsTest()
      : ServiceTest({.key_bytes_max = 2,
                     .value_bytes_max = 3,
                     .operations_max = 1,
                     .batch_get_keys_max = 2}) {}
};

TEST_F(SmallLimitsTest, LimitsAreOptions) {
  const std::vector<BadRow> rows = {
      {"Get", "key: 'abc'", "INVALID_KEY", "key", kRead},
      {"Put", "key: 'ab' value: 'abcd'", "VALUE_TOO_LARGE", "value", kWrite},
      {"BatchPut", "puts { key: 'a' } puts { key: 'b' }", "TOO_MANY_OPERATIONS",
       "puts", kWrite},
      {"BatchGet", "keys: 'a' keys: 'b' keys: 'c'", "TOO_MANY_OPERATIONS",
       "keys", kRead},
      {"BatchGet", "atomic: true keys: 'a' keys: 'b'", "TOO_MANY_OPERATIONS",
       "keys", kRead},
  };
  for (const BadRow& row : rows) {
    ExpectRefused(row, Error(row.method, row.request));
  }
  Must<v1::PutResponse>("Put", "key: 'ab' value: 'abc'");
  Must<v1::BatchGetResponse>("BatchGet", "keys: 'a' keys: 'b'");
}

}  // namespace
}  // namespace latchkey
