#include "server/transport/native/frame_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace latchkey {
namespace {

constexpr char kPreface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

std::string Frame(wire::FrameType type, uint32_t stream,
                  const std::string& payload) {
  std::string head(wire::kFrameHeadBytes, '\0');
  wire::WriteFrameHead({.size = payload.size(),
                        .type = type,
                        .flags = wire::kEndStreamFlag,
                        .stream = stream},
                       head.data());
  return head + payload;
}

// What comes out of `bytes`, which come in parts of `part` bytes.
struct Cut {
  std::string bytes;
  std::vector<wire::FrameHead> heads;
  size_t whole = 0;
};

Cut CutUp(FrameReader& reader, const std::string& bytes, size_t part) {
  Cut cut;
  for (size_t begin = 0; begin < bytes.size(); begin += part) {
    std::string_view input = std::string_view(bytes).substr(begin, part);
    while (!input.empty()) {
      const FrameReader::Piece piece = reader.Next(&input);
      cut.bytes += piece.bytes;
      if (piece.begins_frame) cut.heads.push_back(piece.head);
      if (piece.whole) {
        ++cut.whole;
        EXPECT_EQ(piece.bytes.size(), wire::kFrameHeadBytes + piece.head.size);
      }
    }
  }
  return cut;
}

TEST(FrameReaderTest, EveryByteComesOutWhereverTheyAreParted) {
  const std::string bytes =
      kPreface + Frame(wire::FrameType::kSettings, 0, "") +
      Frame(wire::FrameType::kHeaders, 1, std::string(40, 'h')) +
      Frame(wire::FrameType::kData, 1, std::string(1015, 'd')) +
      Frame(wire::FrameType::kData, 3, std::string(1016, 'e')) +
      Frame(wire::FrameType::kData, 5, std::string(5000, 'f')) +
      Frame(wire::FrameType::kPing, 0, "12345678");
  for (size_t part = 1; part < bytes.size() + 1; part += part < 60 ? 1 : 97) {
    SCOPED_TRACE(part);
    FrameReader reader;
    const Cut cut = CutUp(reader, bytes, part);
    EXPECT_EQ(cut.bytes, bytes);
    ASSERT_EQ(cut.heads.size(), 6u);
    EXPECT_EQ(cut.heads[1].type, wire::FrameType::kHeaders);
    EXPECT_EQ(cut.heads[1].size, 40u);
    EXPECT_EQ(cut.heads[2].stream, 1u);
    EXPECT_EQ(cut.heads[4].size, 5000u);
    EXPECT_EQ(cut.heads[5].flags, wire::kEndStreamFlag);
    // Of 1 KiB and less.
    EXPECT_GE(cut.whole, 4u);
  }
}

TEST(FrameReaderTest, FramesOfAKibibyteComeWhole) {
  FrameReader reader;
  const std::string small =
      Frame(wire::FrameType::kData, 1, std::string(1015, 'd'));
  EXPECT_EQ(CutUp(reader, kPreface + small + small, 7).whole, 2u);
}

TEST(FrameReaderTest, NothingIsKeptOfALongFrame) {
  FrameReader reader;
  CutUp(reader, kPreface, 100);
  const std::string large =
      Frame(wire::FrameType::kData, 1, std::string(1016, 'd'));
  std::string_view input = std::string_view(large).substr(0, 500);
  const FrameReader::Piece piece = reader.Next(&input);
  EXPECT_EQ(piece.bytes, large.substr(0, 500));
  EXPECT_TRUE(piece.begins_frame);
  EXPECT_FALSE(piece.whole);
  input = std::string_view(large).substr(500);
  const FrameReader::Piece rest = reader.Next(&input);
  EXPECT_EQ(rest.bytes, large.substr(500));
  EXPECT_FALSE(rest.begins_frame);
}

}  // namespace
}  // namespace latchkey
