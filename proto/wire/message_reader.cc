#include "proto/wire/message_reader.h"

#include <algorithm>
#include <cstring>

namespace latchkey::wire {
namespace {

uint32_t ReadSize(const char* bytes) {
  uint32_t size = 0;
  for (int i = 0; i < 4; ++i) {
    size = size << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return size;
}

}  // namespace

void WriteMessagePrefix(uint32_t message_bytes, char* prefix) {
  prefix[0] = 0;
  for (int i = 0; i < 4; ++i) {
    prefix[1 + i] = static_cast<char>(message_bytes >> (24 - 8 * i));
  }
}

MessageReader::Result MessageReader::Read(std::string_view* input) {
  if (complete_) {
    complete_ = false;
    prefix_bytes_ = 0;
    message_.clear();
  }
  if (prefix_bytes_ < kMessagePrefixBytes) {
    const size_t taken =
        std::min(input->size(), kMessagePrefixBytes - prefix_bytes_);
    if (taken > 0) std::memcpy(prefix_ + prefix_bytes_, input->data(), taken);
    prefix_bytes_ += taken;
    input->remove_prefix(taken);
    if (prefix_bytes_ > 0 && prefix_[0] != 0 && prefix_[0] != 1) {
      return Result::kBadFlag;
    }
    if (prefix_bytes_ < kMessagePrefixBytes) return Result::kNeedMore;
    message_bytes_ = ReadSize(prefix_ + 1);
  }
  if (message_bytes_ > message_bytes_max_) return Result::kTooLarge;
  const size_t taken =
      std::min(input->size(), message_bytes_ - message_.size());
  message_.append(input->data(), taken);
  input->remove_prefix(taken);
  if (message_.size() < message_bytes_) return Result::kNeedMore;
  complete_ = true;
  return Result::kMessage;
}

void MessageReader::Reset(size_t keep_bytes_max) {
  prefix_bytes_ = 0;
  complete_ = false;
  message_.clear();
  if (message_.capacity() > keep_bytes_max) message_.shrink_to_fit();
}

}  // namespace latchkey::wire
