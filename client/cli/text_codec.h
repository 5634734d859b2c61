// How bytes are written on a command line and shown on a terminal.
//
// Thread safety: free functions and values, no shared state.
//
// Example:
//   DecodeText("a\\000b", TextEncoding::kEscaped)   // 'a', 0, 'b'
//   EscapeForDisplay(std::string_view("a\0b", 3))   // "a\\000b"

#ifndef LATCHKEY_CLIENT_CLI_TEXT_CODEC_H_
#define LATCHKEY_CLIENT_CLI_TEXT_CODEC_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace latchkey::client {

enum class TextEncoding {
  // The bytes as they are.
  kText,
  // With the backslash sequences of C: \n, \t, \\, \ooo, \xhh.
  kEscaped,
  // Two digits for each byte.
  kHex,
  // Base64 with or without its padding.
  kBase64,
};

// "text", "escaped", "hex" and "base64".
std::vector<std::string> TextEncodingNames();

// REQUIRES: `name` is one of TextEncodingNames().
TextEncoding TextEncodingFromName(std::string_view name);

// The bytes that `text` stands for, or INVALID_ARGUMENT.
absl::StatusOr<std::string> DecodeText(const std::string& text,
                                       TextEncoding encoding);

// `bytes` for one line of a terminal: backslashes, control characters and what
// is not UTF-8 become sequences that TextEncoding::kEscaped reads back.
std::string EscapeForDisplay(std::string_view bytes);

// `text` as one word for bash, zsh or fish.
std::string QuoteForShell(const std::string& text);

std::string ToBase64(std::string_view bytes);

// Whether `bytes` are well-formed UTF-8.
bool IsUtf8(std::string_view bytes);

}  // namespace latchkey::client

#endif  // LATCHKEY_CLIENT_CLI_TEXT_CODEC_H_
