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
      {"Scan", "", "Scan", false},
      {"Scan",
       "prefix: 'a' keys_only: true consistency: SNAPSHOT page_size: 1000 "
       "resume_token: 'r'",
       "Scan", false},
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

// A Scan is a stream: it may also end before its request came.
class ScanTest : public ::testing::Test {
 protected:
  ScanTest() {
    service_.Register(methods_);
    handler_ = methods_.Find("/latchkey.v1.Cache/Scan")->stream(call_);
  }

  FakeClock clock_;
  SeededRandom random_{1};
  Store store_{StoreOptions{}, clock_, random_};
  CacheService service_{store_, clock_, ServiceOptions{}};
  MethodTable methods_;
  FakeCall call_{clock_};
  std::unique_ptr<StreamHandler> handler_;
};

TEST_F(ScanTest, WithoutARequestIsBadInput) {
  EXPECT_TRUE(call_.TakeReceive());
  handler_->OnHalfClose();
  EXPECT_EQ(call_.error().code, absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(call_.error().field, "request");
}

TEST_F(ScanTest, IsCancelledWhileItWaits) {
  call_.End(EndReason::kClientCancelled);
  handler_->OnCancel();
  EXPECT_EQ(call_.error().code, absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace latchkey
