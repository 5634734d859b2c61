#include "server/transport/native/frame_filter.h"

#include <cstddef>

namespace latchkey {
namespace {

bool IsControl(const FrameHead& head) {
  switch (head.type) {
    case FrameType::kHeaders:
    case FrameType::kWindowUpdate:
    // nghttp2 bounds these for each block of headers.
    case FrameType::kContinuation:
      return false;
    case FrameType::kData:
      return head.size == 0 && (head.flags & kEndStreamFlag) == 0;
    default:
      return true;
  }
}

// Whether a frame may come for a stream that was closed a moment ago.  One of
// another size is an error wherever it comes, and nghttp2 says so.
bool MayComeLate(const FrameHead& head) {
  switch (head.type) {
    case FrameType::kRstStream:
    case FrameType::kWindowUpdate:
      return head.size == 4;
    case FrameType::kPriority:
      return head.size == 5;
    default:
      return false;
  }
}

}  // namespace

FrameFilter::Verdict FrameFilter::Judge(const FrameHead& head, bool direct) {
  if (IsControl(head)) ++control_frames_;
  ends_in_idle_reset_ = false;
  if (head.size > kFramePayloadMax) return Verdict::kTooLarge;
  const bool ends_block = (head.flags & kEndHeadersFlag) != 0;
  if (in_block_) {
    in_block_ = head.type != FrameType::kContinuation || !ends_block;
    return Verdict::kPass;
  }
  in_block_ = head.type == FrameType::kHeaders && !ends_block;
  // Even numbers are the server's, and nghttp2's affair.
  if (head.stream % 2 == 0) return Verdict::kPass;
  const bool is_reset = head.type == FrameType::kRstStream && head.size == 4;
  // nghttp2 gets the reset, and so knows of the stream from then on.
  if (is_reset && (direct || head.stream <= passed_max_)) Remember(head.stream);
  if (direct) return Verdict::kPass;
  if (head.type == FrameType::kHeaders && head.stream >= gap_begin_ &&
      head.stream < gap_end_) {
    return Verdict::kNotAscending;
  }
  if (head.stream <= passed_max_) {
    return head.type == FrameType::kData && WasReset(head.stream)
               ? Verdict::kAfterReset
               : Verdict::kPass;
  }
  if (head.stream <= stream_max_) {
    if (MayComeLate(head)) return Verdict::kLeaveOut;
    const bool is_call =
        head.type == FrameType::kData || head.type == FrameType::kHeaders;
    return is_call ? Verdict::kClosed : Verdict::kPass;
  }
  if (head.type == FrameType::kHeaders) {
    const uint32_t next = stream_max_ == 0 ? 1 : stream_max_ + 2;
    if (head.stream > next) {
      gap_begin_ = next;
      gap_end_ = head.stream;
    }
    stream_max_ = head.stream;
    return Verdict::kOpens;
  }
  ends_in_idle_reset_ = is_reset;
  return ends_in_idle_reset_ ? Verdict::kLeaveOut : Verdict::kPass;
}

void FrameFilter::Remember(uint32_t reset) {
  if (resets_.size() < resets_kept_) {
    resets_.push_back(reset);
    return;
  }
  resets_[oldest_reset_] = reset;
  oldest_reset_ = (oldest_reset_ + 1) % resets_kept_;
}

}  // namespace latchkey
