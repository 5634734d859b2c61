#include "server/rpc/status_mapping.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "latchkey/v1/errors.pb.h"
#include "server/base/error.h"
#include "tests/support/fake_call.h"

namespace latchkey {
namespace {

// A client reads the names; the proto says what they mean.
TEST(StatusMappingTest, EveryReasonIsTheOneOfTheProto) {
  const auto* reasons = v1::ErrorReason_descriptor();
  const int last = static_cast<int>(ErrorReason::kPrincipalLimit);
  ASSERT_EQ(reasons->value_count(), last + 1);
  for (int i = 0; i <= last; ++i) {
    EXPECT_EQ(reasons->value(i)->number(), i);
    EXPECT_EQ(ErrorReasonName(static_cast<ErrorReason>(i)),
              reasons->value(i)->name());
  }
}

// The names in our code beside those of the proto, in case both lists are
// shifted alike.
TEST(StatusMappingTest, SomeReasonsByName) {
  const std::map<ErrorReason, v1::ErrorReason> pairs = {
      {ErrorReason::kUnspecified, v1::ERROR_REASON_UNSPECIFIED},
      {ErrorReason::kInvalidKey, v1::INVALID_KEY},
      {ErrorReason::kInvalidField, v1::INVALID_FIELD},
      {ErrorReason::kPreconditionFailed, v1::PRECONDITION_FAILED},
      {ErrorReason::kLeaseLost, v1::LEASE_LOST},
      {ErrorReason::kDraining, v1::DRAINING},
      {ErrorReason::kExpiredBeforeCommit, v1::EXPIRED_BEFORE_COMMIT},
      {ErrorReason::kNotImplemented, v1::NOT_IMPLEMENTED},
      {ErrorReason::kResponseTooLarge, v1::RESPONSE_TOO_LARGE},
      {ErrorReason::kPrincipalLimit, v1::PRINCIPAL_LIMIT},
  };
  for (const auto& [ours, theirs] : pairs) {
    EXPECT_EQ(static_cast<int>(ours), static_cast<int>(theirs));
  }
}

TEST(StatusMappingTest, CodesAreThoseOfGrpc) {
  for (int code = 1; code <= 16; ++code) {
    const absl::Status status(static_cast<absl::StatusCode>(code), "message");
    const WireStatus wire = ToWireStatus(status);
    EXPECT_EQ(wire.code, code);
    EXPECT_EQ(wire.message, "message");
    EXPECT_EQ(wire.details, "");
  }
  // Numbers of the gRPC protocol, not of absl.
  EXPECT_EQ(ToWireStatus(absl::CancelledError("")).code, 1);
  EXPECT_EQ(ToWireStatus(absl::InvalidArgumentError("")).code, 3);
  EXPECT_EQ(ToWireStatus(absl::NotFoundError("")).code, 5);
  EXPECT_EQ(ToWireStatus(absl::AbortedError("")).code, 10);
  EXPECT_EQ(ToWireStatus(absl::UnavailableError("")).code, 14);
}

TEST(StatusMappingTest, OkIsOk) {
  const WireStatus wire = ToWireStatus(absl::OkStatus());
  EXPECT_EQ(wire.code, 0);
  EXPECT_EQ(wire.message, "");
  EXPECT_EQ(wire.details, "");
}

// A replayed error is told byte for byte, and a map of protobuf has no order of
// its own.
TEST(StatusMappingTest, TheSameStatusGivesTheSameBytes) {
  const absl::Status status =
      MakeError(absl::StatusCode::kAborted, ErrorReason::kPreconditionFailed,
                "message", {{"current_version", "7"}, {"applied", "no"}});
  const std::string details = ToWireStatus(status).details;
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(ToWireStatus(status).details, details);
  }
}

TEST(StatusMappingTest, DetailsBecomeAnErrorInfo) {
  const WireStatus wire = ToWireStatus(
      MakeError(absl::StatusCode::kAborted, ErrorReason::kPreconditionFailed,
                "version is 7", {{"current_version", "7"}, {"applied", "no"}}));
  google::rpc::Status status;
  ASSERT_TRUE(status.ParseFromString(wire.details));
  EXPECT_EQ(status.code(), 10);
  EXPECT_EQ(status.message(), "version is 7");
  ASSERT_EQ(status.details_size(), 1);
  EXPECT_EQ(status.details(0).type_url(),
            "type.googleapis.com/google.rpc.ErrorInfo");

  const FakeCallError error = TakeApart(wire);
  EXPECT_EQ(error.reason, "PRECONDITION_FAILED");
  EXPECT_EQ(error.domain, "latchkey");
  EXPECT_EQ(error.metadata, (std::map<std::string, std::string>{
                                {"current_version", "7"}, {"applied", "no"}}));
  EXPECT_EQ(error.field, "");
}

TEST(StatusMappingTest, BadInputAlsoBecomesABadRequest) {
  const WireStatus wire = ToWireStatus(MakeInvalidArgument(
      ErrorReason::kInvalidKey, "puts[3].key", "must not be empty"));
  google::rpc::Status status;
  ASSERT_TRUE(status.ParseFromString(wire.details));
  ASSERT_EQ(status.details_size(), 2);
  EXPECT_EQ(status.details(1).type_url(),
            "type.googleapis.com/google.rpc.BadRequest");
  google::rpc::BadRequest bad_request;
  ASSERT_TRUE(status.details(1).UnpackTo(&bad_request));
  ASSERT_EQ(bad_request.field_violations_size(), 1);
  EXPECT_EQ(bad_request.field_violations(0).field(), "puts[3].key");
  EXPECT_NE(bad_request.field_violations(0).description(), "");
  EXPECT_EQ(TakeApart(wire).reason, "INVALID_KEY");
}

// CANCELLED has no reason in the contract, yet a write says `applied`.
TEST(StatusMappingTest, MetadataMayStandWithoutAReason) {
  const FakeCallError error = TakeApart(ToWireStatus(
      WithMetadata(absl::CancelledError("gone"), "applied", "no")));
  EXPECT_EQ(error.code, absl::StatusCode::kCancelled);
  EXPECT_EQ(error.reason, "");
  EXPECT_EQ(error.domain, "latchkey");
  EXPECT_EQ(error.metadata.at("applied"), "no");
}

}  // namespace
}  // namespace latchkey
