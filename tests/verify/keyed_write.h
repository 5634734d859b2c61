// KeyedWrite is one write with an idempotency key as the one knows it who has
// seen all of its copies: what was sent, and how it was decided.
//
// Thread safety: plain values; a CopyJudge belongs to one thread.

#ifndef LATCHKEY_TESTS_VERIFY_KEYED_WRITE_H_
#define LATCHKEY_TESTS_VERIFY_KEYED_WRITE_H_

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "client/verify/method.h"
#include "client/verify/violations.h"
#include "server/base/clock.h"
#include "tests/verify/direct_server.h"

namespace latchkey::verify {

struct KeyedWrite {
  Method method = Method::kPut;
  std::string key;
  // In wire format; `request` is with the key.
  std::string payload;
  std::string request;
  // What its client held before the first copy, or empty.
  std::string stamp;

  // The answer that every copy must have, once there is one.
  std::optional<DirectAnswer> decided = {};
  UnixNanos decided_at = 0;
};

// The sorts of violations that only copies show, beside those of
// client/verify/violations.h.
namespace sort {
// An answer was called a replay although nothing had been sent before.
inline constexpr std::string_view kReplayOfNothing = "replay-of-nothing";
// A copy of a decided write that was refused.
inline constexpr std::string_view kCopyRefused = "copy-refused";
// GetOutcome tells another outcome than the copies.
inline constexpr std::string_view kOutcomeDiffers = "outcome-differs";
// A write was not refused whose key was fenced.
inline constexpr std::string_view kFenceBroken = "fence-broken";
// A write was not refused whose stamp is too old, or of another life.
inline constexpr std::string_view kStampAccepted = "stamp-accepted";
}  // namespace sort

// `payload` with an idempotency key, which replaces one that it has.
std::string WithKey(std::string_view payload, std::string_view key);

// Whether the server keeps such an answer, good or bad: the write was decided.
bool IsKept(const DirectAnswer& answer);

// The answer in a few words, as "ABORTED PRECONDITION_FAILED".
std::string Describe(const DirectAnswer& answer);

// Judges the answers that the copies of keyed writes get.
class CopyJudge {
 public:
  explicit CopyJudge(Violations* violations) : violations_(*violations) {}

  // Copies of `write` were answered, all sent before the first of these answers
  // came.  `may_end`: a token may have ended, so refusals are in order.
  void OnAnswers(KeyedWrite& write, UnixNanos now, bool may_end,
                 std::initializer_list<const DirectAnswer*> answers);

  // A copy that must be refused for one of `reasons` was answered.
  void MustRefuse(std::string_view sort, const KeyedWrite& write,
                  const DirectAnswer& answer, std::string_view reason);

  // GetOutcome told of `write`, which was decided.
  void OnOutcome(const KeyedWrite& write, const DirectAnswer& answer);

 private:
  void OnAnswer(KeyedWrite& write, UnixNanos now, const DirectAnswer& answer);
  void Add(std::string_view sort, const KeyedWrite& write,
           const DirectAnswer& answer);

  Violations& violations_;
};

}  // namespace latchkey::verify

#endif  // LATCHKEY_TESTS_VERIFY_KEYED_WRITE_H_
