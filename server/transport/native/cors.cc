#include "server/transport/native/cors.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "server/base/string_view.h"

namespace latchkey {
namespace {

constexpr std::string_view kCallHeaders[] = {
    "accept",          "authorization",
    "content-type",    "grpc-accept-encoding",
    "grpc-encoding",   "grpc-previous-rpc-attempts",
    "grpc-timeout",    "latchkey-stamp",
    "latchkey-timing", "traceparent",
    "x-grpc-web",      "x-user-agent",
};

std::string_view Trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string_view AllowedOrigin(const std::vector<std::string>& allowed,
                               std::string_view origin) {
  for (const std::string& one : allowed) {
    if (one == "*" || one == origin) return one;
  }
  return "";
}

std::string AllowedHeaders(std::string_view asked) {
  std::string allowed;
  while (!asked.empty()) {
    const size_t comma = std::min(asked.find(','), asked.size());
    const std::string_view part = Trim(asked.substr(0, comma));
    asked.remove_prefix(std::min(comma + 1, asked.size()));
    for (const std::string_view name : kCallHeaders) {
      if (!std::equal(name.begin(), name.end(), part.begin(), part.end(),
                      [](char a, char b) {
                        return a == absl::ascii_tolower(
                                        static_cast<unsigned char>(b));
                      })) {
        continue;
      }
      absl::StrAppend(&allowed, allowed.empty() ? "" : ",", ToAbsl(name));
    }
  }
  return allowed;
}

}  // namespace latchkey
