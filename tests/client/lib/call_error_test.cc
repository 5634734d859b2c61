#include "client/lib/call_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace latchkey::client {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

google::rpc::ErrorInfo Info(const std::string& domain) {
  google::rpc::ErrorInfo info;
  info.set_domain(domain);
  info.set_reason("PRECONDITION_FAILED");
  (*info.mutable_metadata())["current_version"] = "7";
  (*info.mutable_metadata())["applied"] = "no";
  return info;
}

grpc::Status WithDetails(grpc::StatusCode code,
                         const google::rpc::Status& details) {
  return grpc::Status(code, "what happened", details.SerializeAsString());
}

TEST(CallErrorTest, ReadsReasonAndMetadata) {
  google::rpc::Status details;
  details.add_details()->PackFrom(Info("latchkey"));

  const CallError error =
      DecodeCallError(WithDetails(grpc::StatusCode::ABORTED, details));

  EXPECT_EQ(error.code, grpc::StatusCode::ABORTED);
  EXPECT_EQ(error.code_name, "ABORTED");
  EXPECT_EQ(error.message, "what happened");
  EXPECT_EQ(error.reason, "PRECONDITION_FAILED");
  EXPECT_THAT(error.metadata,
              ElementsAre(Pair("applied", "no"), Pair("current_version", "7")));
  EXPECT_EQ(error.field, "");
}

TEST(CallErrorTest, ReadsTheFirstBadField) {
  google::rpc::BadRequest bad_request;
  bad_request.add_field_violations()->set_field("puts[3].key");
  bad_request.add_field_violations()->set_field("puts[4].key");
  google::rpc::Status details;
  details.add_details()->PackFrom(Info("latchkey"));
  details.add_details()->PackFrom(bad_request);

  const CallError error =
      DecodeCallError(WithDetails(grpc::StatusCode::INVALID_ARGUMENT, details));

  EXPECT_EQ(error.field, "puts[3].key");
  EXPECT_EQ(error.reason, "PRECONDITION_FAILED");
}

TEST(CallErrorTest, TakesNoReasonFromAnotherDomain) {
  google::rpc::Status details;
  details.add_details()->PackFrom(Info("proxy.example"));

  const CallError error =
      DecodeCallError(WithDetails(grpc::StatusCode::ABORTED, details));

  EXPECT_EQ(error.reason, "");
  EXPECT_THAT(error.metadata, IsEmpty());
}

TEST(CallErrorTest, KeepsCodeAndMessageWhereDetailsAreGarbage) {
  const CallError error = DecodeCallError(grpc::Status(
      grpc::StatusCode::UNAVAILABLE, "gone", std::string("\xFF\xFF\xFF")));

  EXPECT_EQ(error.code_name, "UNAVAILABLE");
  EXPECT_EQ(error.message, "gone");
  EXPECT_EQ(error.reason, "");
}

TEST(CallErrorTest, TakesNothingFromAnAnswerThatCameInPart) {
  google::rpc::Status details;
  details.set_code(static_cast<int>(grpc::StatusCode::ABORTED));
  details.add_details()->PackFrom(Info("latchkey"));
  const CallError lost =
      DecodeCallError(WithDetails(grpc::StatusCode::UNAVAILABLE, details));
  EXPECT_EQ(lost.code, grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(lost.message, "what happened");
  EXPECT_EQ(lost.reason, "");
  EXPECT_THAT(lost.metadata, IsEmpty());
  EXPECT_EQ(
      DecodeCallError(WithDetails(grpc::StatusCode::ABORTED, details)).reason,
      "PRECONDITION_FAILED");
}

TEST(CallErrorTest, NamesEveryCode) {
  const std::vector<std::pair<int, std::string>> names = {
      {0, "OK"},
      {1, "CANCELLED"},
      {2, "UNKNOWN"},
      {3, "INVALID_ARGUMENT"},
      {4, "DEADLINE_EXCEEDED"},
      {5, "NOT_FOUND"},
      {6, "ALREADY_EXISTS"},
      {7, "PERMISSION_DENIED"},
      {8, "RESOURCE_EXHAUSTED"},
      {9, "FAILED_PRECONDITION"},
      {10, "ABORTED"},
      {11, "OUT_OF_RANGE"},
      {12, "UNIMPLEMENTED"},
      {13, "INTERNAL"},
      {14, "UNAVAILABLE"},
      {15, "DATA_LOSS"},
      {16, "UNAUTHENTICATED"},
      {17, "UNKNOWN"},
      {-1, "UNKNOWN"},
  };
  for (const auto& [code, name] : names) {
    EXPECT_EQ(StatusCodeName(static_cast<grpc::StatusCode>(code)), name)
        << code;
  }
}

}  // namespace
}  // namespace latchkey::client
