// The packaged abseil has a string_view of its own, which is not
// std::string_view.  Our code uses std::string_view; these two cross over where
// an abseil function wants the other.

#ifndef LATCHKEY_SERVER_BASE_STRING_VIEW_H_
#define LATCHKEY_SERVER_BASE_STRING_VIEW_H_

#include <string_view>

#include "absl/strings/string_view.h"

namespace latchkey {

inline absl::string_view ToAbsl(std::string_view s) {
  return absl::string_view(s.data(), s.size());
}

inline std::string_view ToStd(absl::string_view s) {
  return std::string_view(s.data(), s.size());
}

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_BASE_STRING_VIEW_H_
