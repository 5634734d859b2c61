// LifeCheck holds one life of the server to its promises, round by round: what
// client/verify checks of rounds that ended quietly, and of the round in which
// the server was killed as much as can be known (dead_round.h).
//
// Thread safety: an instance belongs to one thread.

#ifndef LATCHKEY_TESTS_STRESS_LIFE_CHECK_H_
#define LATCHKEY_TESTS_STRESS_LIFE_CHECK_H_

#include <cstdint>
#include <fstream>
#include <memory>
#include <string>

#include "client/verify/history.h"
#include "client/verify/history_file.h"
#include "client/verify/round.h"
#include "client/verify/serial_checker.h"
#include "client/verify/violations.h"

namespace latchkey::stress {

// Sums over all lives.
struct CheckCounts {
  // Operations that were replayed in the order of their versions.
  uint64_t strict = 0;
  // Those of dead rounds that were not, and were held to order and logs alone.
  uint64_t weak = 0;
  // Acknowledged appends that a later read showed.
  uint64_t appends_seen = 0;
  uint64_t rounds = 0;
  uint64_t dead_rounds = 0;
};

class LifeCheck {
 public:
  struct Options {
    // What the keys of the life's logs, and no others, begin with.
    std::string log_prefix;
    // Of the life's first commit.
    uint64_t first_version = 0;
    // Where the life's history goes (history_file.h); empty: nowhere.
    std::string history_path;
  };

  // `violations` and `counts` outlive this object.
  LifeCheck(const Options& options, verify::Violations* violations,
            CheckCounts* counts);

  // REQUIRES: all that was under way has ended, and every log was read then.
  void CheckRound(const verify::History& round);

  // The last round, of a server that was killed in it.
  void CheckDeadRound(const verify::History& round);

 private:
  void WriteHistory(const verify::Round& round);

  const Options options_;
  verify::Violations* const violations_;
  CheckCounts* const counts_;
  verify::SerialChecker serial_;
  // Of the commits of all rounds so far.
  uint64_t last_version_;
  std::ofstream history_;
  std::unique_ptr<verify::HistoryFile> history_file_;
};

}  // namespace latchkey::stress

#endif  // LATCHKEY_TESTS_STRESS_LIFE_CHECK_H_
