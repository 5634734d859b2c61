#include "proto/wire/message_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace latchkey::wire {
namespace {

using Result = MessageReader::Result;

std::string Framed(const std::string& message, char flag = 0) {
  std::string prefix(kMessagePrefixBytes, '\0');
  WriteMessagePrefix(static_cast<uint32_t>(message.size()), prefix.data());
  prefix[0] = flag;
  return prefix + message;
}

// All messages of `bytes`, which are read in pieces of `piece` bytes.
std::vector<std::string> ReadAll(MessageReader& reader,
                                 const std::string& bytes, size_t piece) {
  std::vector<std::string> messages;
  for (size_t begin = 0; begin < bytes.size(); begin += piece) {
    std::string_view input = std::string_view(bytes).substr(begin, piece);
    while (reader.Read(&input) == Result::kMessage) {
      messages.emplace_back(reader.message());
    }
    EXPECT_TRUE(input.empty());
  }
  return messages;
}

TEST(MessageReaderTest, PrefixIsFlagAndSizeMostSignificantFirst) {
  char prefix[kMessagePrefixBytes];
  WriteMessagePrefix(0x01020304, prefix);
  EXPECT_EQ(std::string(prefix, 5), std::string("\0\1\2\3\4", 5));
}

TEST(MessageReaderTest, MessagesComeOutWholeWhateverThePieces) {
  const std::vector<std::string> messages = {"one", "", std::string(1000, 'x'),
                                             "", "four"};
  std::string bytes;
  for (const std::string& message : messages) bytes += Framed(message);
  for (const size_t piece : {1, 2, 3, 5, 7, 100, 5000}) {
    MessageReader reader(1000);
    EXPECT_EQ(ReadAll(reader, bytes, piece), messages) << piece;
    EXPECT_FALSE(reader.in_message());
  }
}

TEST(MessageReaderTest, RandomMessagesInRandomPieces) {
  const unsigned seed = 7;
  std::mt19937 random(seed);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> messages;
    std::string bytes;
    for (unsigned i = random() % 8; i > 0; --i) {
      messages.emplace_back(random() % 300, static_cast<char>(random()));
      bytes += Framed(messages.back());
    }
    MessageReader reader(300);
    EXPECT_EQ(ReadAll(reader, bytes, 1 + random() % 64), messages)
        << "seed " << seed << ", round " << round;
  }
}

TEST(MessageReaderTest, SizeOverTheLimitIsRefusedBeforeItsBytes) {
  MessageReader reader(10);
  std::string bytes = Framed(std::string(10, 'x'));
  std::string_view input = bytes;
  EXPECT_EQ(reader.Read(&input), Result::kMessage);
  bytes = Framed(std::string(11, 'x'));
  input = std::string_view(bytes).substr(0, kMessagePrefixBytes);
  EXPECT_EQ(reader.Read(&input), Result::kTooLarge);
  EXPECT_EQ(reader.buffered_bytes(), 0u);
}

TEST(MessageReaderTest, FlagsAre0And1) {
  MessageReader reader(10);
  std::string bytes = Framed("x", 1);
  std::string_view input = bytes;
  EXPECT_EQ(reader.Read(&input), Result::kMessage);
  EXPECT_TRUE(reader.compressed());
  bytes = Framed("x", 2);
  input = std::string_view(bytes).substr(0, 1);
  EXPECT_EQ(reader.Read(&input), Result::kBadFlag);
}

TEST(MessageReaderTest, KnowsWhetherTheBytesEndInsideAMessage) {
  MessageReader reader(10);
  EXPECT_FALSE(reader.in_message());
  const std::string bytes = Framed("abc");
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string_view input = std::string_view(bytes).substr(i, 1);
    const Result result = reader.Read(&input);
    EXPECT_EQ(reader.in_message(), i + 1 < bytes.size());
    EXPECT_EQ(result == Result::kMessage, i + 1 == bytes.size());
  }
}

TEST(MessageReaderTest, ResetForgetsAndKeepsLittleMemory) {
  MessageReader reader(100'000);
  const std::string large = Framed(std::string(100'000, 'x'));
  std::string_view input = std::string_view(large).substr(0, 90'000);
  EXPECT_EQ(reader.Read(&input), Result::kNeedMore);
  EXPECT_GT(reader.buffered_bytes(), 80'000u);
  reader.Reset(1'000);
  EXPECT_EQ(reader.buffered_bytes(), 0u);
  EXPECT_FALSE(reader.in_message());
  EXPECT_THAT(ReadAll(reader, Framed("new"), 3), testing::ElementsAre("new"));
}

}  // namespace
}  // namespace latchkey::wire
