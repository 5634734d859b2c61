// What the contract promises and this release does not serve: good input is
// UNIMPLEMENTED and changes nothing.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/server/service/service_fixture.h"

namespace latchkey {
namespace {

using UnservedTest = ServiceTest;

struct Row {
  std::string method;
  std::string request;
  std::string feature;
  bool is_write;
};

TEST_F(UnservedTest, IsUnimplementedAndNamesTheFeature) {
  const std::string key = "idempotency_key: 'i'";
  const std::string lease = "lease { ttl { seconds: 1 } }";
  const std::vector<Row> rows = {
      {"Put", "key: 'k' lease_token: 't'", "lease_token", true},
      {"Put", "key: 'k' lease_token: 't' " + key, "lease_token", true},
      {"Get", "key: 'k' " + lease, "lease", false},
      {"Get", "key: 'k' touch {} " + lease, "lease", true},
  };
  Must<v1::PutResponse>("Put", "key: 'k' value: '1'");
  for (const Row& row : rows) {
    SCOPED_TRACE(row.method + " " + row.request);
    const FakeCallError error = Error(row.method, row.request);
    EXPECT_EQ(error.code, absl::StatusCode::kUnimplemented);
    EXPECT_EQ(error.reason, "NOT_IMPLEMENTED");
    EXPECT_EQ(error.metadata.at("feature"), row.feature);
    EXPECT_EQ(error.metadata.count("applied"), row.is_write ? 1u : 0u);
  }
}

TEST_F(UnservedTest, BadInputIsRefusedFirst) {
  EXPECT_EQ(Error("Put", "key: '' idempotency_key: 'i'").reason, "INVALID_KEY");
  EXPECT_EQ(Error("Put", "key: 'k' lease_token: 't' idempotency_key: '" +
                             std::string(65, 'i') + "'")
                .reason,
            "INVALID_IDEMPOTENCY_KEY");
  EXPECT_EQ(Error("Get", "key: '' lease { ttl { seconds: 1 } }").reason,
            "INVALID_KEY");
}

}  // namespace
}  // namespace latchkey
