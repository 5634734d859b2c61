#include "server/transport/native/frame_reader.h"

#include <algorithm>

namespace latchkey {
namespace {

std::string_view TakeFront(size_t bytes, std::string_view* input) {
  const std::string_view front = input->substr(0, bytes);
  input->remove_prefix(front.size());
  return front;
}

}  // namespace

FrameReader::Piece FrameReader::Next(std::string_view* input) {
  if (payload_left_ > 0) {
    const std::string_view bytes = TakeFront(payload_left_, input);
    payload_left_ -= bytes.size();
    return {.bytes = bytes};
  }
  if (kept_is_whole_) {
    kept_.clear();
    kept_is_whole_ = false;
  }
  if (!kept_.empty() || input->size() < wire::kFrameHeadBytes) {
    return GoOnKeeping(input);
  }
  const wire::FrameHead head = wire::ReadFrameHead(input->data());
  const size_t bytes = wire::kFrameHeadBytes + head.size;
  if (bytes > input->size()) {
    if (bytes <= kKeptBytesMax) return GoOnKeeping(input);
    payload_left_ = bytes - input->size();
  }
  return {.bytes = TakeFront(bytes, input),
          .begins_frame = true,
          .whole = payload_left_ == 0,
          .head = head};
}

FrameReader::Piece FrameReader::GoOnKeeping(std::string_view* input) {
  if (kept_.size() < wire::kFrameHeadBytes) {
    kept_ += TakeFront(wire::kFrameHeadBytes - kept_.size(), input);
    if (kept_.size() < wire::kFrameHeadBytes) return {};
  }
  const wire::FrameHead head = wire::ReadFrameHead(kept_.data());
  const size_t bytes = wire::kFrameHeadBytes + head.size;
  if (bytes <= kKeptBytesMax) {
    kept_ += TakeFront(bytes - kept_.size(), input);
    if (kept_.size() < bytes) return {};
  } else {
    payload_left_ = head.size;
  }
  kept_is_whole_ = true;
  return {.bytes = kept_,
          .begins_frame = true,
          .whole = payload_left_ == 0,
          .head = head};
}

}  // namespace latchkey
