#include "server/transport/native/frame_filter.h"

#include <cstddef>

namespace latchkey {
namespace {

bool IsControl(const wire::FrameHead& head) {
  switch (head.type) {
    case wire::FrameType::kHeaders:
    case wire::FrameType::kWindowUpdate:
    // nghttp2 bounds these for each block of headers.
    case wire::FrameType::kContinuation:
      return false;
    case wire::FrameType::kData:
      return head.size == 0 && (head.flags & wire::kEndStreamFlag) == 0;
    default:
      return true;
  }
}

// Whether a frame may come for a stream that was closed a moment ago.  One of
// another size is an error wherever it comes, and nghttp2 says so.
bool MayComeLate(const wire::FrameHead& head) {
  switch (head.type) {
    case wire::FrameType::kRstStream:
    case wire::FrameType::kWindowUpdate:
      return head.size == 4;
    case wire::FrameType::kPriority:
      return head.size == 5;
    default:
      return false;
  }
}

}  // namespace

FrameFilter::Verdict FrameFilter::Judge(const wire::FrameHead& head,
                                        bool direct) {
  if (IsControl(head)) ++control_frames_;
  ends_in_idle_reset_ = false;
  if (head.size > wire::kFramePayloadMax) return Verdict::kTooLarge;
  const bool ends_block = (head.flags & wire::kEndHeadersFlag) != 0;
  if (in_block_) {
    in_block_ = head.type != wire::FrameType::kContinuation || !ends_block;
    return Verdict::kPass;
  }
  in_block_ = head.type == wire::FrameType::kHeaders && !ends_block;
  // Even numbers are the server's, and nghttp2's affair.
  if (head.stream % 2 == 0) return Verdict::kPass;
  const bool is_reset =
      head.type == wire::FrameType::kRstStream && head.size == 4;
  // nghttp2 gets the reset, and so knows of the stream from then on.
  if (is_reset && (direct || head.stream <= passed_max_)) Remember(head.stream);
  if (direct) return Verdict::kPass;
  if (head.type == wire::FrameType::kHeaders && head.stream >= gap_begin_ &&
      head.stream < gap_end_) {
    return Verdict::kNotAscending;
  }
  if (head.stream <= passed_max_) {
    return head.type == wire::FrameType::kData && WasReset(head.stream)
               ? Verdict::kAfterReset
               : Verdict::kPass;
  }
  if (head.stream <= stream_max_) {
    if (MayComeLate(head)) return Verdict::kLeaveOut;
    const bool is_call = head.type == wire::FrameType::kData ||
                         head.type == wire::FrameType::kHeaders;
    return is_call ? Verdict::kClosed : Verdict::kPass;
  }
  if (head.type == wire::FrameType::kHeaders) {
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
