#include "client/cli/parse.h"

#include <cstdint>

#include "absl/status/status.h"

namespace latchkey::client {
namespace {

// Rounded down, as a protobuf Timestamp counts; `nanos` is 0 to 999,999,999.
google::protobuf::Timestamp ToProto(absl::Time time) {
  google::protobuf::Timestamp proto;
  proto.set_seconds(absl::ToUnixSeconds(time));
  const absl::Duration rest = time - absl::FromUnixSeconds(proto.seconds());
  proto.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
  return proto;
}

}  // namespace

absl::StatusOr<absl::Duration> ParseDuration(const std::string& text) {
  if (text.ends_with('d')) {
    // abseil has no days, since for a calendar they differ; for a time to live
    // they do not.
    const auto days = ParseInteger<int32_t>(text.substr(0, text.size() - 1));
    if (days.ok()) return absl::Hours(24) * *days;
  }
  absl::Duration duration;
  if (!absl::ParseDuration(text, &duration) ||
      duration == absl::InfiniteDuration() ||
      duration == -absl::InfiniteDuration()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "'", text, "' is not a duration such as 300ms, 30s, 1h30m or 7d"));
  }
  return duration;
}

absl::StatusOr<google::protobuf::Duration> ParseProtoDuration(
    const std::string& text) {
  const absl::StatusOr<absl::Duration> duration = ParseDuration(text);
  if (!duration.ok()) return duration.status();
  absl::Duration rest;
  google::protobuf::Duration proto;
  proto.set_seconds(absl::IDivDuration(*duration, absl::Seconds(1), &rest));
  proto.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
  return proto;
}

absl::StatusOr<google::protobuf::Timestamp> ParseProtoTimestamp(
    const std::string& text) {
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, text, &time, &error) ||
      time == absl::InfiniteFuture() || time == absl::InfinitePast()) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' is not a time such as 2030-01-31T12:00:00Z",
                     error.empty() ? "" : ": ", error));
  }
  return ToProto(time);
}

absl::Status CheckAddress(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon != std::string::npos && colon > 0) {
    const auto port = ParseInteger<uint16_t>(text.substr(colon + 1));
    if (port.ok() && *port > 0) return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "' is not HOST:PORT"));
}

}  // namespace latchkey::client
