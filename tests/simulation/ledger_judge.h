// LedgerJudge says whether a life of the server has answered every copy of
// every keyed write, and every question about one, as the contract demands.
//
// The simulation knows of each copy by which reading of the clock it was
// decided, and no two readings are the same; all copies of one idempotency key
// are decided under one lock.  So their order is known exactly, and the judge
// replays it into a model of one key: nothing, an answer, or a fence, each kept
// for the window.  A copy has one right answer:
//
//   fenced                     IDEMPOTENCY_KEY_FENCED
//   answered, other request    IDEMPOTENCY_KEY_REUSED
//   answered                   the same answer, byte for byte, as a replay
//   else, stamp of other life  INCARNATION_CHANGED
//   else, stamp too old        IDEMPOTENCY_KEY_EXPIRED
//   else, its time was over    refused, nothing applied
//   else                       decided: the answer from now on
//
// and a question with the stamp of its write is refused for it, as a write is,
// unless the answer is there.
//
// Thread safety: an instance belongs to one thread.

#ifndef LATCHKEY_TESTS_SIMULATION_LEDGER_JUDGE_H_
#define LATCHKEY_TESTS_SIMULATION_LEDGER_JUDGE_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "client/verify/method.h"
#include "client/verify/violations.h"
#include "server/base/clock.h"
#include "tests/verify/direct_server.h"

namespace latchkey::simulation {

namespace sort {
// A copy was refused by a deadline or a cancel that had not come.
inline constexpr std::string_view kEndInvented = "end-invented";
// An answer was decided after the deadline or the cancel.
inline constexpr std::string_view kOutlivedDeadline = "outlived-deadline";
// A question was answered although what it asks for may be forgotten.
inline constexpr std::string_view kForgotten = "forgotten";
// A refusal that nothing explains.
inline constexpr std::string_view kBadRefusal = "bad-refusal";
}  // namespace sort

// One copy of a keyed write, or one GetOutcome, and what became of it.
struct Observation {
  verify::Method method = verify::Method::kPut;
  // In wire format, with the key.
  std::string request;
  std::string stamp;
  // When its token ended, or will.
  UnixNanos ends_at = kNever;
  // The reading of the clock that decided it; 0 where it was refused before it
  // had the lock.
  UnixNanos decided_at = 0;
  UnixNanos answered_at = 0;
  // It waited in a lane.
  bool may_be_shed = false;
  verify::DirectAnswer answer;
};

// Whether a copy was refused because there is more to do than can be done.
bool IsShed(const verify::DirectAnswer& answer);

// Whether a copy was refused because its time was over, whatever ended it.
bool IsEnd(const verify::DirectAnswer& answer);

struct LedgerJudgeOptions {
  Nanos window = 0;
  uint64_t incarnation = 0;
  // The ledger may be too small for all records.
  bool may_be_full = false;
};

class LedgerJudge {
 public:
  LedgerJudge(const LedgerJudgeOptions& options, verify::Violations* violations)
      : options_(options), violations_(*violations) {}

  void Observe(std::string_view key, Observation observation);

  // How a write was decided: what its first decided copy was answered; null
  // where none was.
  const verify::DirectAnswer* Truth(std::string_view key) const;

  // Judges all that was observed.
  void Judge();

 private:
  // What is kept of a key.
  struct Kept {
    enum class State { kNothing, kAnswer, kFence };
    State state = State::kNothing;
    UnixNanos since = 0;
    const Observation* answered = nullptr;
  };

  void JudgeWrite(const Observation& copy, Kept* kept);
  // A copy that was refused before it had its lock.
  void JudgeEarly(const Observation& copy);
  void JudgeOutcome(const Observation& question, Kept* kept);
  // A copy that found nothing kept and no reason to be refused.
  void JudgeFresh(const Observation& copy, Kept* kept);
  // Why a write with a stamp may have been recorded and forgotten by `now`, or
  // nothing.
  std::string_view StampRefusal(std::string_view text, UnixNanos now) const;
  void MustBeRefused(const Observation& copy, std::string_view reason,
                     std::string_view sort);
  void Add(std::string_view sort, const Observation& copy);

  const LedgerJudgeOptions options_;
  verify::Violations& violations_;
  std::map<std::string, std::vector<Observation>, std::less<>> observed_;
  // The one that is judged now.
  std::string_view key_;
};

}  // namespace latchkey::simulation

#endif  // LATCHKEY_TESTS_SIMULATION_LEDGER_JUDGE_H_
