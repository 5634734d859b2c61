#include "server/config/option_checks.h"

#include <algorithm>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/config/listen_address.h"

namespace latchkey {

std::string CheckListen(const std::string& text) {
  const absl::StatusOr<ListenAddress> address = ParseListenAddress(text);
  return address.ok() ? "" : std::string(address.status().message());
}

std::string CheckTransport(const std::string& name) {
  if (name == "native" || name == "grpc") return "";
  return absl::StrCat("there is no transport '", name,
                      "'; there are native and grpc");
}

std::string CheckFileName(const std::string& name) {
  const bool good = std::none_of(name.begin(), name.end(), [](char c) {
    return c == '"' || c == '\\' || absl::ascii_iscntrl(c);
  });
  return good ? "" : "a file name here has no quote, backslash or control";
}

std::string CheckOrigin(const std::string& origin) {
  const size_t scheme = origin.find("://");
  const auto is_part = [](const std::string& text, absl::string_view others) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [others](char c) {
             return absl::ascii_islower(static_cast<unsigned char>(c)) ||
                    absl::ascii_isdigit(static_cast<unsigned char>(c)) ||
                    others.find(c) != absl::string_view::npos;
           });
  };
  // Empty as in the file that --print-config writes where there is none.
  if (origin.empty() || origin == "*" ||
      (scheme != std::string::npos &&
       is_part(origin.substr(0, scheme), "+-.") &&
       is_part(origin.substr(scheme + 3), "-._:[]"))) {
    return "";
  }
  return absl::StrCat("'", origin,
                      "' is no origin, as https://example.org or "
                      "http://localhost:8080, nor *");
}

}  // namespace latchkey
