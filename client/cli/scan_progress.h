// ScanProgress tells a person how a scan is getting on: one line on a terminal
// that overwrites itself, about five times a second.
//
// Thread safety: an instance belongs to one thread at a time.

#ifndef LATCHKEY_CLIENT_CLI_SCAN_PROGRESS_H_
#define LATCHKEY_CLIENT_CLI_SCAN_PROGRESS_H_

#include <chrono>
#include <cstdint>
#include <ostream>

namespace latchkey::client {

class ScanProgress {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Null: nowhere.  `start` is when the scan began.
  ScanProgress(std::ostream* out, Time start)
      : out_(out), start_(start), next_(start + kPause) {}

  // Leaves a clean line behind.
  ~ScanProgress() { Clear(); }

  ScanProgress(const ScanProgress&) = delete;
  ScanProgress& operator=(const ScanProgress&) = delete;

  // Takes the line away, for other output on the same terminal.
  void Clear();

  // `entries` have come until `now`.
  void Update(uint64_t entries, Time now);

 private:
  static constexpr std::chrono::milliseconds kPause{200};

  std::ostream* const out_;
  const Time start_;
  Time next_;
  bool shown_ = false;
};

}  // namespace latchkey::client

#endif  // LATCHKEY_CLIENT_CLI_SCAN_PROGRESS_H_
