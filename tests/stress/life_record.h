// LifeRecord keeps what happens, by the lives of the server that it belongs to,
// and has each life checked: the round that is under way, and beside it the
// last round of the life before, while calls from before its kill are still
// open.
//
// Calls that were under way at a kill are sent again by their client, to the
// next life.  To which life their answer belongs is told by its version, since
// the versions of a life are all greater than those of the lives before.  An
// answer that names no version changed nothing and is not kept; a write of
// which the dead life's answer is not there stays unknown in that life.
//
// Thread safety: an instance belongs to one thread.
//
// Example:
//   record.BeginLife(life, "log/1/", "");
//   record.Add(event, 1);
//   record.EndRound();
//   record.Add(event, 1);
//   record.KillLife({open_write});
//   record.BeginLife(next_life, "log/2/", "");
//   record.Add(late_event, 1);

#ifndef LATCHKEY_TESTS_STRESS_LIFE_RECORD_H_
#define LATCHKEY_TESTS_STRESS_LIFE_RECORD_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "client/verify/history.h"
#include "client/verify/violations.h"
#include "tests/stress/life_check.h"

namespace latchkey::stress {

// A write that has no answer yet, and the life that it was last open in.
struct OpenWrite {
  uint64_t life = 0;
  verify::HistoryEvent event;
};

class LifeRecord {
 public:
  LifeRecord() = default;

  LifeRecord(const LifeRecord&) = delete;
  LifeRecord& operator=(const LifeRecord&) = delete;

  // Life `number` begins, with its first commit.
  void BeginLife(uint64_t number, const LifeCheck::Options& options,
                 const verify::HistoryEvent& first_event);

  // An operation has ended that was begun in life `life`: the present one, or
  // one before it, when it was under way at its kill.  Its outcome is not
  // kUnknown in the present life.
  void Add(const verify::HistoryEvent& event, uint64_t life);

  // Nothing is open any more, and every log was read: checks the round.
  void EndRound();

  // The present life has been killed while `open` were under way; nothing will
  // be added that belongs to lives before it.
  void KillLife(const std::vector<OpenWrite>& open);

  const CheckCounts& counts() const { return counts_; }
  const verify::Violations& violations() const { return violations_; }
  verify::Violations& violations() { return violations_; }
  // Writes that stayed unknown in the life that they were begun in.
  uint64_t unknown_at_kill() const { return unknown_at_kill_; }

 private:
  struct Part {
    uint64_t number = 0;
    uint64_t first_version = 0;
    std::unique_ptr<LifeCheck> check;
    std::unique_ptr<verify::History> round;
  };

  // Whether the dead life stayed below what the next one begins with.
  void CheckVersionsBelow(uint64_t first_version);
  void AddUnknownToDead(verify::HistoryEvent event);
  void CheckDead();

  // `dead_` is empty, with no `check`, when nothing of that life is open.
  Part now_;
  Part dead_;

  CheckCounts counts_;
  verify::Violations violations_;
  uint64_t unknown_at_kill_ = 0;
};

}  // namespace latchkey::stress

#endif  // LATCHKEY_TESTS_STRESS_LIFE_RECORD_H_
