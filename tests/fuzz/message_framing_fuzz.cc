// Messages come out of MessageReader the same however their bytes are cut, and
// as a reader that has all of them at once would see them.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/wire/message_reader.h"
#include "server/base/check.h"

namespace latchkey {
namespace {

using wire::MessageReader;

constexpr size_t kMessageBytesMax = 100;

// What was read, and how it ended.
struct Outcome {
  std::vector<std::string> messages;
  MessageReader::Result end = MessageReader::Result::kNeedMore;
  bool in_message = false;

  bool operator==(const Outcome&) const = default;
};

Outcome ReadInParts(std::string_view bytes, size_t part) {
  MessageReader reader(kMessageBytesMax);
  Outcome outcome;
  while (!bytes.empty()) {
    std::string_view input = bytes.substr(0, part);
    bytes.remove_prefix(input.size());
    while (!input.empty()) {
      outcome.end = reader.Read(&input);
      LATCHKEY_CHECK(reader.buffered_bytes() <= kMessageBytesMax,
                     "no more is kept than may come");
      if (outcome.end == MessageReader::Result::kMessage) {
        outcome.messages.emplace_back(reader.message());
      } else if (outcome.end != MessageReader::Result::kNeedMore) {
        return outcome;
      }
    }
  }
  outcome.in_message = reader.in_message();
  return outcome;
}

Outcome ReadAtOnce(std::string_view bytes) {
  Outcome outcome;
  while (!bytes.empty()) {
    const auto flag = static_cast<unsigned char>(bytes[0]);
    outcome.end = MessageReader::Result::kNeedMore;
    outcome.in_message = true;
    if (flag > 1) {
      outcome.end = MessageReader::Result::kBadFlag;
      outcome.in_message = false;
      break;
    }
    if (bytes.size() < wire::kMessagePrefixBytes) break;
    size_t size = 0;
    for (size_t i = 1; i < wire::kMessagePrefixBytes; ++i) {
      size = size << 8 | static_cast<unsigned char>(bytes[i]);
    }
    if (size > kMessageBytesMax) {
      outcome.end = MessageReader::Result::kTooLarge;
      outcome.in_message = false;
      break;
    }
    bytes.remove_prefix(wire::kMessagePrefixBytes);
    if (bytes.size() < size) break;
    outcome.messages.emplace_back(bytes.substr(0, size));
    outcome.end = MessageReader::Result::kMessage;
    outcome.in_message = false;
    bytes.remove_prefix(size);
  }
  return outcome;
}

}  // namespace
}  // namespace latchkey

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const latchkey::Outcome whole = latchkey::ReadAtOnce(bytes);
  for (const size_t part : {size_t{1}, size_t{3}, size_t{7}, size + 1}) {
    LATCHKEY_CHECK(latchkey::ReadInParts(bytes, part) == whole,
                   "messages do not depend on how they come");
  }
  return 0;
}
