#include "client/cli/scan_progress.h"

namespace latchkey::client {
namespace {

// Back to the first column, and erase to the end of the line.
constexpr char kClear[] = "\r\x1b[K";

}  // namespace

void ScanProgress::Clear() {
  if (shown_) *out_ << kClear << std::flush;
  shown_ = false;
}

void ScanProgress::Update(uint64_t entries, Time now) {
  if (out_ == nullptr || now < next_) return;
  next_ = now + kPause;
  shown_ = true;
  const std::chrono::duration<double> seconds = now - start_;
  *out_ << kClear << entries << " entries, "
        << static_cast<uint64_t>(static_cast<double>(entries) / seconds.count())
        << " a second" << std::flush;
}

}  // namespace latchkey::client
