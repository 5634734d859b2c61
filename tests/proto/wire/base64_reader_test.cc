#include "proto/wire/base64_reader.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

#include "proto/wire/base64.h"

namespace latchkey::wire {
namespace {

// What comes of `text` in pieces of `size`; nothing where it is refused.
std::optional<std::string> ReadInPieces(std::string_view text, size_t size) {
  Base64Reader reader;
  std::string bytes;
  while (!text.empty()) {
    if (!reader.Read(text.substr(0, size), &bytes)) return std::nullopt;
    text.remove_prefix(std::min(size, text.size()));
  }
  if (!reader.is_whole()) return std::nullopt;
  return bytes;
}

TEST(Base64ReaderTest, ReadsTextThatIsCutAnywhere) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
  const std::string text = Base64EncodePadded(bytes);
  for (size_t size = 1; size <= text.size(); ++size) {
    EXPECT_EQ(ReadInPieces(text, size), bytes) << size;
  }
}

TEST(Base64ReaderTest, ReadsPartsThatWereEncodedEachForItself) {
  std::string text;
  std::string bytes;
  for (const char* part : {"a", "", "bc", "def", "ghij", "k"}) {
    bytes += part;
    text += Base64EncodePadded(part);
  }
  for (size_t size = 1; size <= text.size(); ++size) {
    EXPECT_EQ(ReadInPieces(text, size), bytes) << size;
  }
}

TEST(Base64ReaderTest, RefusesWhatIsNoBase64) {
  for (const char* text :
       {"Z", "Zm9", "Zm9vZ", "Zg==Zg", "Z===", "====", "Zg=v", "Zm9-", "Zm 9v",
        "Zm9v\n", "=Zm9", "Zm9vZm\xff=", "Zg..", "Zg==="}) {
    for (size_t size = 1; size <= 8; ++size) {
      EXPECT_EQ(ReadInPieces(text, size), std::nullopt) << text << " " << size;
    }
  }
}

}  // namespace
}  // namespace latchkey::wire
