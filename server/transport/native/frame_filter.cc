#include "server/transport/native/frame_filter.h"

#include <algorithm>
#include <cstring>

namespace latchkey {
namespace {

constexpr unsigned char kData = 0;
constexpr unsigned char kHeaders = 1;
constexpr unsigned char kRstStream = 3;
constexpr unsigned char kWindowUpdate = 8;
// nghttp2 bounds these for each block of headers.
constexpr unsigned char kContinuation = 9;

constexpr unsigned char kEndStream = 1;

bool IsControl(unsigned char type, unsigned char flags, size_t size) {
  switch (type) {
    case kHeaders:
    case kWindowUpdate:
    case kContinuation:
      return false;
    case kData:
      return size == 0 && (flags & kEndStream) == 0;
    default:
      return true;
  }
}

uint32_t ReadNumber(const char* bytes, int count) {
  uint32_t number = 0;
  for (int i = 0; i < count; ++i) {
    number = number << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return number;
}

}  // namespace

std::string_view FrameFilter::Next(std::string_view* input) {
  // All that may pass in one piece: whole frames, and the rest of one.
  size_t passed = 0;
  while (true) {
    const size_t payload = std::min(payload_left_, input->size() - passed);
    if (leaves_out_) {
      payload_left_ -= payload;
      leaves_out_ = payload_left_ > 0;
      input->remove_prefix(payload);
      if (leaves_out_ || input->empty()) return {};
      continue;
    }
    payload_left_ -= payload;
    passed += payload;
    const std::string_view rest = input->substr(passed);
    if (rest.empty()) break;
    if (head_bytes_ == 0 && rest.size() >= kHeadBytes) {
      if (!Judge(rest.data())) {
        passed += kHeadBytes;
        continue;
      }
      if (passed > 0) {
        // The frame is judged again when what is before it has gone.
        payload_left_ = 0;
        leaves_out_ = false;
        --control_frames_;
        break;
      }
      input->remove_prefix(kHeadBytes);
      continue;
    }
    if (passed > 0) break;
    // A head that comes in pieces is put together here.
    const size_t taken = std::min(rest.size(), kHeadBytes - head_bytes_);
    std::memcpy(head_ + head_bytes_, rest.data(), taken);
    head_bytes_ += taken;
    input->remove_prefix(taken);
    if (head_bytes_ < kHeadBytes) return {};
    head_bytes_ = 0;
    if (!Judge(head_)) return {head_, kHeadBytes};
  }
  const std::string_view pass = input->substr(0, passed);
  input->remove_prefix(passed);
  return pass;
}

bool FrameFilter::Judge(const char* head) {
  payload_left_ = ReadNumber(head, 3);
  const auto type = static_cast<unsigned char>(head[3]);
  const uint32_t stream = ReadNumber(head + 5, 4) & 0x7fffffff;
  // Even numbers are the server's, and nghttp2's affair.
  const bool is_idle = stream % 2 == 1 && stream > stream_max_;
  if (type == kHeaders && is_idle) stream_max_ = stream;
  leaves_out_ = type == kRstStream && is_idle && payload_left_ == 4;
  ends_in_idle_reset_ = leaves_out_;
  const auto flags = static_cast<unsigned char>(head[4]);
  if (IsControl(type, flags, payload_left_)) ++control_frames_;
  return leaves_out_;
}

}  // namespace latchkey
