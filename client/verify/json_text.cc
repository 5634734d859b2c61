#include "client/verify/json_text.h"

#include <algorithm>

#include "absl/strings/escaping.h"

namespace latchkey::verify {

std::string JsonText(std::string_view bytes) {
  const bool plain = !bytes.starts_with(kBase64Mark) &&
                     std::all_of(bytes.begin(), bytes.end(),
                                 [](char c) { return c >= ' ' && c <= '~'; });
  std::string text = "\"";
  if (plain) {
    for (const char c : bytes) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
  } else {
    text += kBase64Mark;
    text += absl::Base64Escape(absl::string_view(bytes.data(), bytes.size()));
  }
  text += '"';
  return text;
}

}  // namespace latchkey::verify
