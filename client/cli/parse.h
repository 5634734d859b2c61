// What users write for numbers and times, turned into what the API wants.
//
// Every function answers INVALID_ARGUMENT with a message that quotes the text
// where the text is not of the form.  Limits such as "greater than 0" are the
// server's to check.
//
// Thread safety: free functions, no shared state.

#ifndef LATCHKEY_CLIENT_CLI_PARSE_H_
#define LATCHKEY_CLIENT_CLI_PARSE_H_

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <charconv>
#include <string>
#include <system_error>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace latchkey::client {

// Numbers with a unit, one after the other: "300ms", "1h30m", "1.5s"; the units
// are ns, us, ms, s, m, h, and d for a whole number of days.
absl::StatusOr<absl::Duration> ParseDuration(const std::string& text);

// As ParseDuration, rounded towards zero to the nanosecond.
absl::StatusOr<google::protobuf::Duration> ParseProtoDuration(
    const std::string& text);

// RFC 3339, as "2030-01-31T12:00:00Z" or "2030-01-31T12:00:00.5+01:00".
absl::StatusOr<google::protobuf::Timestamp> ParseProtoTimestamp(
    const std::string& text);

// A decimal number within the limits of Integer, and nothing else: a leading 0
// does not make it octal.
template <typename Integer>
absl::StatusOr<Integer> ParseInteger(const std::string& text) {
  Integer number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc::result_out_of_range) {
    return absl::InvalidArgumentError(absl::StrCat("'", text,
                                                   "' is too far"
                                                   " from 0"));
  }
  if (error != std::errc() || stop != end) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' is not a number that can stand here"));
  }
  return number;
}

// HOST:PORT with a port from 1 to 65535.
absl::Status CheckAddress(const std::string& text);

}  // namespace latchkey::client

#endif  // LATCHKEY_CLIENT_CLI_PARSE_H_
