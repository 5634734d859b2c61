#include "server/base/error.h"

#include <gtest/gtest.h>

#include <string>

namespace latchkey {
namespace {

using enum absl::StatusCode;

ErrorDetails DetailsOf(const absl::Status& status) {
  const std::optional<ErrorDetails> details = GetErrorDetails(status);
  EXPECT_TRUE(details.has_value()) << status;
  return details.value_or(ErrorDetails{});
}

TEST(ErrorTest, DetailsComeBackAsTheyWent) {
  const absl::Status status =
      MakeError(kAborted, ErrorReason::kPreconditionFailed, "version is 7",
                {{"current_version", "7"}, {"index", "3"}});
  EXPECT_EQ(status.code(), kAborted);
  EXPECT_EQ(status.message(), "version is 7");
  const ErrorDetails details = DetailsOf(status);
  EXPECT_EQ(details.reason, ErrorReason::kPreconditionFailed);
  EXPECT_EQ(details.metadata,
            (ErrorMetadata{{"current_version", "7"}, {"index", "3"}}));
  EXPECT_EQ(details.field, "");
}

// Whatever bytes a name or value has, it is not taken for the framing.
TEST(ErrorTest, DetailsMayHoldAnyBytes) {
  const std::string odd("3:a\0:\xff", 6);
  const absl::Status status = MakeError(kInternal, ErrorReason::kUnspecified,
                                        "", {{odd, ""}, {"", odd}});
  EXPECT_EQ(DetailsOf(status).metadata, (ErrorMetadata{{odd, ""}, {"", odd}}));
}

TEST(ErrorTest, InvalidArgumentNamesItsField) {
  const absl::Status status = MakeInvalidArgument(
      ErrorReason::kInvalidKey, "puts[3].key", "must not be empty");
  EXPECT_EQ(status.code(), kInvalidArgument);
  EXPECT_EQ(status.message(), "puts[3].key: must not be empty");
  EXPECT_EQ(DetailsOf(status).reason, ErrorReason::kInvalidKey);
  EXPECT_EQ(DetailsOf(status).field, "puts[3].key");
}

TEST(ErrorTest, APlainStatusHasNoDetails) {
  EXPECT_EQ(GetErrorDetails(absl::OkStatus()), std::nullopt);
  EXPECT_EQ(GetErrorDetails(absl::CancelledError("x")), std::nullopt);
}

TEST(ErrorTest, WithMetadataAddsAndReplaces) {
  const absl::Status status =
      MakeError(kNotFound, ErrorReason::kKeyNotFound, "m", {{"index", "1"}});
  EXPECT_EQ(DetailsOf(WithMetadata(status, "applied", "no")).metadata,
            (ErrorMetadata{{"index", "1"}, {"applied", "no"}}));
  const absl::Status replaced = WithMetadata(status, "index", "2");
  EXPECT_EQ(DetailsOf(replaced).metadata, (ErrorMetadata{{"index", "2"}}));
  EXPECT_EQ(DetailsOf(replaced).reason, ErrorReason::kKeyNotFound);
  EXPECT_EQ(replaced.message(), "m");
}

TEST(ErrorTest, WithMetadataGivesDetailsToAPlainStatus) {
  const absl::Status status =
      WithMetadata(absl::CancelledError("gone"), "applied", "no");
  EXPECT_EQ(status.code(), kCancelled);
  EXPECT_EQ(DetailsOf(status).reason, ErrorReason::kUnspecified);
  EXPECT_EQ(DetailsOf(status).metadata, (ErrorMetadata{{"applied", "no"}}));
}

TEST(ErrorTest, WithFieldPrefixGoesIntoFieldAndMessage) {
  const absl::Status status = WithFieldPrefix(
      WithMetadata(MakeInvalidArgument(ErrorReason::kInvalidKey, "key", "bad"),
                   "index", "3"),
      "puts[3].");
  EXPECT_EQ(status.message(), "puts[3].key: bad");
  EXPECT_EQ(DetailsOf(status).field, "puts[3].key");
  EXPECT_EQ(DetailsOf(status).reason, ErrorReason::kInvalidKey);
  EXPECT_EQ(DetailsOf(status).metadata, (ErrorMetadata{{"index", "3"}}));
}

TEST(ErrorTest, WithFieldPrefixLeavesOthersAlone) {
  const absl::Status no_field =
      MakeError(kNotFound, ErrorReason::kKeyNotFound, "the source is missing");
  for (const absl::Status& status :
       {absl::OkStatus(), absl::CancelledError("gone"), no_field}) {
    EXPECT_EQ(WithFieldPrefix(status, "puts[3]."), status);
  }
}

}  // namespace
}  // namespace latchkey
