#include "client/cli/text_codec.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

namespace latchkey::client {
namespace {

TEST(TextCodecTest, Decodes) {
  struct Row {
    std::string encoding;
    std::string text;
    std::string bytes;
  };
  const std::vector<Row> rows = {
      {"text", "a\\n", "a\\n"},
      {"text", "", ""},
      {"escaped", "a\\n\\t\\\\", "a\n\t\\"},
      {"escaped", "\\000\\377\\x41",
       std::string("\0\xFF"
                   "A",
                   3)},
      {"hex", "00fFA0", std::string("\0\xFF\xA0", 3)},
      {"hex", "", ""},
      {"base64", "AP8=", std::string("\0\xFF", 2)},
      {"base64", "AP8", std::string("\0\xFF", 2)},
  };
  for (const Row& row : rows) {
    const auto bytes = DecodeText(row.text, TextEncodingFromName(row.encoding));
    ASSERT_TRUE(bytes.ok()) << row.text << ": " << bytes.status();
    EXPECT_EQ(*bytes, row.bytes) << row.text;
  }
}

TEST(TextCodecTest, RefusesWhatIsNotInTheEncoding) {
  const std::vector<std::pair<TextEncoding, std::string>> rows = {
      {TextEncoding::kEscaped, "a\\"}, {TextEncoding::kEscaped, "\\q"},
      {TextEncoding::kHex, "0"},       {TextEncoding::kHex, "0g"},
      {TextEncoding::kBase64, "A"},    {TextEncoding::kBase64, "?!"},
  };
  for (const auto& [encoding, text] : rows) {
    EXPECT_EQ(DecodeText(text, encoding).status().code(),
              absl::StatusCode::kInvalidArgument)
        << text;
  }
}

TEST(TextCodecTest, EscapesWhatATerminalWouldNotShow) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"plain \"text\" 'here'", "plain \"text\" 'here'"},
      {"gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x98\x80",
       "gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x98\x80"},
      {"a\tb\nc\rd\\e", "a\\tb\\nc\\rd\\\\e"},
      {std::string("\0\x1B[2J\x7F", 6), "\\000\\033[2J\\177"},
      {"\xC2\x9B", "\\302\\233"},
      {"\xFF\xC3", "\\377\\303"},
      // A continuation byte is judged by itself.
      {"\xE2\x82g", "\\342\\202g"},
  };
  for (const auto& [bytes, shown] : rows) {
    EXPECT_EQ(EscapeForDisplay(bytes), shown);
  }
}

TEST(TextCodecTest, AQuotedTextIsOneWord) {
  EXPECT_EQ(QuoteForShell("$a b"), "'$a b'");
  EXPECT_EQ(QuoteForShell("isn't"), "'isn'\\''t'");
}

TEST(TextCodecTest, EscapedTextReadsBack) {
  std::mt19937 random(7);
  for (int i = 0; i < 1'000; ++i) {
    std::string bytes(random() % 20, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    const auto back =
        DecodeText(EscapeForDisplay(bytes), TextEncoding::kEscaped);
    ASSERT_TRUE(back.ok()) << back.status();
    ASSERT_EQ(*back, bytes) << EscapeForDisplay(bytes);
  }
}

TEST(TextCodecTest, KnowsUtf8) {
  for (const std::string text :
       {"", "a", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF",
        "\xEE\x80\x80", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(IsUtf8(text)) << EscapeForDisplay(text);
  }
  const std::vector<std::string> not_utf8 = {
      "\x80",              // begins with a continuation
      "\xC0\x80",          // overlong
      "\xC1\xBF",          // overlong
      "\xE0\x9F\xBF",      // overlong
      "\xED\xA0\x80",      // surrogate
      "\xED\xBF\xBF",      // surrogate
      "\xF0\x8F\xBF\xBF",  // overlong
      "\xF4\x90\x80\x80",  // above U+10FFFF
      "\xF8\x88\x80\x80\x80",
      "a\xE2\x82",  // cut
      "\xC3g",
  };
  for (const std::string& bytes : not_utf8) {
    EXPECT_FALSE(IsUtf8(bytes)) << EscapeForDisplay(bytes);
  }
}

}  // namespace
}  // namespace latchkey::client
