#include "proto/wire/message_reader.h"

#include <algorithm>
#include <cstring>

#include "proto/wire/big_endian.h"

namespace latchkey::wire {

void WriteMessagePrefix(uint32_t message_bytes, char* prefix) {
  prefix[0] = 0;
  WriteUint32(message_bytes, prefix + 1);
}

MessageReader::Result MessageReader::Read(std::string_view* input) {
  if (complete_) {
    complete_ = false;
    prefix_bytes_ = 0;
    message_.clear();
  }
  if (prefix_bytes_ < kMessagePrefixBytes) {
    if (prefix_bytes_ == 0 && input->size() >= kMessagePrefixBytes) {
      // Almost always; a copy of a known size is cheaper.
      std::memcpy(prefix_, input->data(), kMessagePrefixBytes);
      prefix_bytes_ = kMessagePrefixBytes;
      input->remove_prefix(kMessagePrefixBytes);
    } else {
      const size_t taken =
          std::min(input->size(), kMessagePrefixBytes - prefix_bytes_);
      if (taken > 0) std::memcpy(prefix_ + prefix_bytes_, input->data(), taken);
      prefix_bytes_ += taken;
      input->remove_prefix(taken);
    }
    if (prefix_bytes_ > 0 && prefix_[0] != 0 && prefix_[0] != 1) {
      return Result::kBadFlag;
    }
    if (prefix_bytes_ < kMessagePrefixBytes) return Result::kNeedMore;
    message_bytes_ = ReadUint32(prefix_ + 1);
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
