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
  // Even numbers are the server's, and nghttp2's affair.
  if (head.stream % 2 == 0 || head.stream <= passed_max_ || direct) {
    return Verdict::kPass;
  }
  if (head.stream <= stream_max_) {
    if (MayComeLate(head)) return Verdict::kLeaveOut;
    const bool is_call =
        head.type == FrameType::kData || head.type == FrameType::kHeaders;
    return is_call ? Verdict::kClosed : Verdict::kPass;
  }
  if (head.type == FrameType::kHeaders) {
    stream_max_ = head.stream;
    return Verdict::kOpens;
  }
  ends_in_idle_reset_ = head.type == FrameType::kRstStream && head.size == 4;
  return ends_in_idle_reset_ ? Verdict::kLeaveOut : Verdict::kPass;
}

}  // namespace latchkey
