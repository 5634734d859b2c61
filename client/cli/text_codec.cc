#include "client/cli/text_codec.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"

namespace latchkey::client {
namespace {

struct NamedEncoding {
  std::string_view name;
  TextEncoding encoding;
};

constexpr std::array<NamedEncoding, 4> kEncodings = {{
    {"text", TextEncoding::kText},
    {"escaped", TextEncoding::kEscaped},
    {"hex", TextEncoding::kHex},
    {"base64", TextEncoding::kBase64},
}};

// A code point and how many bytes hold it; no bytes where there is none.
struct CodePoint {
  uint32_t value = 0;
  std::size_t length = 0;
};

bool IsContinuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

// The well-formed UTF-8 sequence that `bytes` begin with.
CodePoint FirstCodePoint(std::string_view bytes) {
  const auto lead = static_cast<unsigned char>(bytes[0]);
  if (lead < 0x80) return {lead, 1};
  CodePoint point;
  uint32_t least = 0;
  if ((lead & 0xE0) == 0xC0) {
    point = {lead & 0x1Fu, 2};
    least = 0x80;
  } else if ((lead & 0xF0) == 0xE0) {
    point = {lead & 0x0Fu, 3};
    least = 0x800;
  } else if ((lead & 0xF8) == 0xF0) {
    point = {lead & 0x07u, 4};
    least = 0x10000;
  } else {
    return {};
  }
  if (bytes.size() < point.length) return {};
  for (std::size_t i = 1; i < point.length; ++i) {
    if (!IsContinuation(bytes[i])) return {};
    point.value =
        point.value << 6 | (static_cast<unsigned char>(bytes[i]) & 0x3Fu);
  }
  const bool surrogate = point.value >= 0xD800 && point.value <= 0xDFFF;
  if (point.value < least || surrogate || point.value > 0x10FFFF) return {};
  return point;
}

// C0, DEL and C1: what a terminal may obey instead of showing.
bool IsControl(uint32_t code_point) {
  return code_point < 0x20 || (code_point >= 0x7F && code_point < 0xA0);
}

void AppendOctal(unsigned char byte, std::string& out) {
  out += '\\';
  out += static_cast<char>('0' + (byte >> 6));
  out += static_cast<char>('0' + ((byte >> 3) & 7));
  out += static_cast<char>('0' + (byte & 7));
}

}  // namespace

std::vector<std::string> TextEncodingNames() {
  std::vector<std::string> names;
  for (const NamedEncoding& named : kEncodings) names.emplace_back(named.name);
  return names;
}

TextEncoding TextEncodingFromName(std::string_view name) {
  for (const NamedEncoding& named : kEncodings) {
    if (named.name == name) return named.encoding;
  }
  return TextEncoding::kText;
}

absl::StatusOr<std::string> DecodeText(const std::string& text,
                                       TextEncoding encoding) {
  std::string bytes;
  switch (encoding) {
    case TextEncoding::kText:
      return text;
    case TextEncoding::kEscaped: {
      std::string error;
      if (absl::CUnescape(text, &bytes, &error)) return bytes;
      return absl::InvalidArgumentError(
          absl::StrCat("'", text, "' is not escaped text: ", error));
    }
    case TextEncoding::kHex:
      // abseil's decoder does not check its input.
      if (text.size() % 2 == 0 &&
          text.find_first_not_of("0123456789abcdefABCDEF") ==
              std::string::npos) {
        return absl::HexStringToBytes(text);
      }
      return absl::InvalidArgumentError(
          absl::StrCat("'", text, "' is not a whole number of hex bytes"));
    case TextEncoding::kBase64:
      if (absl::Base64Unescape(text, &bytes)) return bytes;
      return absl::InvalidArgumentError(
          absl::StrCat("'", text, "' is not base64"));
  }
  return absl::InternalError("no such encoding");
}

std::string EscapeForDisplay(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    const CodePoint point = FirstCodePoint(bytes);
    const std::size_t length = std::max<std::size_t>(point.length, 1);
    if (point.length == 0 || IsControl(point.value)) {
      const std::size_t special = std::string_view("\n\r\t").find(bytes[0]);
      if (special != std::string_view::npos) {
        out += '\\';
        out += "nrt"[special];
      } else {
        for (char byte : bytes.substr(0, length)) {
          AppendOctal(static_cast<unsigned char>(byte), out);
        }
      }
    } else if (point.value == '\\') {
      out += "\\\\";
    } else {
      out += bytes.substr(0, length);
    }
    bytes.remove_prefix(length);
  }
  return out;
}

std::string QuoteForShell(const std::string& text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
}

std::string ToBase64(std::string_view bytes) {
  return absl::Base64Escape(absl::string_view(bytes.data(), bytes.size()));
}

bool IsUtf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t length = FirstCodePoint(bytes).length;
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

}  // namespace latchkey::client
