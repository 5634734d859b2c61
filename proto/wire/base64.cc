#include "proto/wire/base64.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"

namespace latchkey::wire {
namespace {

absl::string_view ToAbsl(std::string_view text) {
  return absl::string_view(text.data(), text.size());
}

bool IsDigit(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '+' ||
         c == '/';
}

}  // namespace

std::string Base64Encode(std::string_view bytes) {
  std::string text = absl::Base64Escape(ToAbsl(bytes));
  text.erase(std::find(text.begin(), text.end(), '='), text.end());
  return text;
}

std::string Base64EncodePadded(std::string_view bytes) {
  return absl::Base64Escape(ToAbsl(bytes));
}

std::optional<std::string> Base64Decode(std::string_view text) {
  // The function below also takes white space, and '.' as padding.
  if (!std::all_of(text.begin(), text.end(),
                   [](char c) { return IsDigit(c) || c == '='; })) {
    return std::nullopt;
  }
  std::string bytes;
  if (!absl::Base64Unescape(ToAbsl(text), &bytes)) return std::nullopt;
  return bytes;
}

}  // namespace latchkey::wire
