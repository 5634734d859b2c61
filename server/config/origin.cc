#include "server/config/origin.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace latchkey {

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
