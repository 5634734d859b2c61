#include "proto/wire/header_blocks.h"

#include <gtest/gtest.h>

#include <string>

namespace latchkey::wire {
namespace {

using std::string_literals::operator""s;

using Blocks = HeaderBlocks<std::string>;

TEST(HeaderBlocksTest, KnowsWhatKeepsTheTable) {
  const struct {
    const char* what;
    std::string block;
    bool keeps;
  } rows[] = {
      {"indexed", "\x82\xbe", true},
      {"indexed, a long index", "\xff\x80\x01", true},
      {"indexed, cut off", "\xff\x80", false},
      {"an index without end", "\xff\x80\x80\x80\x80\x01", false},
      {"not kept, name indexed", "\x04\x03/ab", true},
      {"not kept, long name index", "\x0f\x10\x01x", true},
      {"not kept, new name", "\0\x01n\x01v"s, true},
      {"never kept", "\x10\x01n\x01v", true},
      {"a value that is cut off", "\0\x01n\x02v"s, false},
      {"no value", "\0\x01n"s, false},
      {"no name", "\0"s, false},
      {"kept, name indexed", "\x41\x01v", false},
      {"kept, new name", "\x40\x01n\x01v", false},
      {"kept behind others", "\x82\x40\x01n\x01v", false},
      {"what looks like kept is in a value", "\0\x01n\x02\x40\x40"s, true},
      {"table size", "\x20", false},
      {"table size behind others", "\x82\x3f\x01", false},
      {"Huffman code", "\x04\x82\x61\x62", true},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(KeepsTable(row.block), row.keeps) << row.what;
  }
}

TEST(HeaderBlocksTest, FindsWhatItLearnt) {
  Blocks blocks;
  EXPECT_EQ(blocks.Find("\x82"), nullptr);
  blocks.Learn("\x82", "/a");
  blocks.Learn("\x82\x83", "/b");
  ASSERT_NE(blocks.Find("\x82\x83"), nullptr);
  EXPECT_EQ(*blocks.Find("\x82\x83"), "/b");
  EXPECT_EQ(*blocks.Find("\x82"), "/a");
  EXPECT_EQ(blocks.Find("\x83"), nullptr);
  blocks.Clear();
  EXPECT_EQ(blocks.Find("\x82"), nullptr);
}

TEST(HeaderBlocksTest, EachByteOfABlockCounts) {
  for (const size_t size : {1, 7, 8, 9, 16, 17, 255, 256}) {
    Blocks blocks;
    const std::string block(size, '\x82');
    blocks.Learn(block, "/a");
    EXPECT_NE(blocks.Find(block), nullptr) << size;
    EXPECT_EQ(blocks.Find(block + "\x82"), nullptr) << size;
    for (size_t i = 0; i < size; ++i) {
      std::string other = block;
      other[i] = '\x02';
      EXPECT_EQ(blocks.Find(other), nullptr) << i << " of " << size;
    }
  }
}

TEST(HeaderBlocksTest, ForgetsTheOldest) {
  Blocks blocks;
  for (char c = 0; c < 100; ++c) {
    blocks.Learn(std::string(1, '\x80' + c), "/a");
  }
  EXPECT_EQ(blocks.Find("\x80"), nullptr);
  EXPECT_NE(blocks.Find(std::string(1, '\x80' + 99)), nullptr);
  EXPECT_NE(blocks.Find(std::string(1, '\x80' + 95)), nullptr);
  EXPECT_EQ(blocks.Find(std::string(1, '\x80' + 90)), nullptr);
}

}  // namespace
}  // namespace latchkey::wire
