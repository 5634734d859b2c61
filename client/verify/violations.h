// Violations is what the checkers have found: things that happened and could
// not have, by sort.
//
// Thread safety: an instance belongs to one thread.

#ifndef LATCHKEY_CLIENT_VERIFY_VIOLATIONS_H_
#define LATCHKEY_CLIENT_VERIFY_VIOLATIONS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace latchkey::verify {

// The sorts.  Programs and tests go by these names; one that is given is not
// changed.
namespace sort {

// Of single answers (serial_checker.h).
//
// A read, or an error, that told what had been so before the call began.
inline constexpr std::string_view kStaleRead = "stale-read";
// One that told what only became so by a commit that began after its end.
inline constexpr std::string_view kFutureRead = "future-read";
// One that told what was so at no moment.
inline constexpr std::string_view kWrongRead = "wrong-read";
// One whose parts were each so at some moment of the call, but at none
// together.
inline constexpr std::string_view kTornRead = "torn-read";
// A commit that the state before it forbids, by a precondition, a bound or a
// missing entry.
inline constexpr std::string_view kImpossibleCommit = "impossible-commit";
// A commit whose answer is not what the state before it makes it.
inline constexpr std::string_view kWrongCommit = "wrong-commit";
// An answer that is no message or does not fit its request, or an error that
// the request cannot have.
inline constexpr std::string_view kBadAnswer = "bad-answer";

// Of commits among each other (serial_checker.h).
//
// Two writes with one version.
inline constexpr std::string_view kSharedVersion = "shared-version";
// A version that nobody here wrote: a commit that was made twice, or made and
// then denied, or made by a stranger.
inline constexpr std::string_view kGap = "gap";
// A commit whose version is less than that of something that had ended before
// it began.
inline constexpr std::string_view kRealTimeOrder = "real-time-order";
// A write of which nobody knows whether it took effect, so that there is no
// judging the whole.
inline constexpr std::string_view kUnsettled = "unsettled";

// Of the copies of one write (copy_checker.h).
//
// A copy with another answer than the first one.
inline constexpr std::string_view kCopyDiffers = "copy-differs";
// A copy that came after the first one's answer and was not answered as a copy.
inline constexpr std::string_view kCopyNotReplayed = "copy-not-replayed";
// An idempotency key that came with another request and was not refused.
inline constexpr std::string_view kReuseAccepted = "reuse-accepted";
// An idempotency key that was refused as used and never was.
inline constexpr std::string_view kReuseInvented = "reuse-invented";

// Of logs (append_log.h).
//
// An acknowledged append that the log does not show.
inline constexpr std::string_view kLostAppend = "lost-append";
// An append that took effect more than once.
inline constexpr std::string_view kDoubledAppend = "doubled-append";
// An append that was said not to be applied and was.
inline constexpr std::string_view kGhostAppend = "ghost-append";
// A log that no read shows as it was at the end.
inline constexpr std::string_view kLogUnread = "log-unread";

}  // namespace sort

// Kept in full for each sort; more are only counted.
inline constexpr size_t kDetailsPerSortMax = 20;

struct ViolationsOfSort {
  uint64_t count = 0;
  // One line each, in the order in which they were found.
  std::vector<std::string> details;
};

class Violations {
 public:
  void Add(std::string_view sort, std::string detail);

  // Whether a detail for `sort` would be kept, and so is worth making.
  bool WantsDetail(std::string_view sort) const;

  bool empty() const { return count_ == 0; }
  uint64_t count() const { return count_; }
  uint64_t CountOf(std::string_view sort) const;
  const std::map<std::string, ViolationsOfSort, std::less<>>& by_sort() const {
    return by_sort_;
  }

  void Merge(const Violations& other);

  // A line for each detail, as "stale-read: ...".
  std::string ToString() const;

 private:
  uint64_t count_ = 0;
  std::map<std::string, ViolationsOfSort, std::less<>> by_sort_;
};

}  // namespace latchkey::verify

#endif  // LATCHKEY_CLIENT_VERIFY_VIOLATIONS_H_
