// Verifier runs all checkers over a run, round by round, and counts what it
// has checked.
//
// Thread safety: an instance belongs to one thread.
//
// Example:
//   Verifier verifier({.log_prefix = "run1/log/"});
//   while (...) {
//     // Record a round, wait until nothing is under way, read the logs.
//     verifier.CheckRound(history);
//     history.Clear();
//   }
//   if (!verifier.violations().empty()) ...

#ifndef LATCHKEY_CLIENT_VERIFY_VERIFIER_H_
#define LATCHKEY_CLIENT_VERIFY_VERIFIER_H_

#include <cstdint>
#include <string>

#include "client/verify/round.h"
#include "client/verify/serial_checker.h"
#include "client/verify/violations.h"

namespace latchkey::verify {

struct VerifierOptions {
  // What the keys of logs (append_log.h), and no others, begin with; empty:
  // there are none.
  std::string log_prefix;
  // As SerialCheckerOptions::shared.
  bool shared = false;
};

// Sums over all rounds.
struct VerifierCounts {
  uint64_t rounds = 0;
  // Events, and those of them that are writes with an idempotency key.
  uint64_t operations = 0;
  uint64_t keyed_writes = 0;
  uint64_t commits = 0;
  // Events of which a copy was sent again, and was sent beside another one.
  uint64_t retried = 0;
  uint64_t hedged = 0;
  // Answers that the server called replays.
  uint64_t replayed = 0;

  void Add(const VerifierCounts& other);
};

class Verifier {
 public:
  explicit Verifier(const VerifierOptions& options = {});

  // REQUIRES: as SerialChecker::CheckRound().
  void CheckRound(const Round& round);

  const Violations& violations() const { return violations_; }
  const VerifierCounts& counts() const { return counts_; }
  // Keys that exist now.
  uint64_t keys() const { return serial_.keys(); }

 private:
  const VerifierOptions options_;
  SerialChecker serial_;
  Violations violations_;
  VerifierCounts counts_;
};

}  // namespace latchkey::verify

#endif  // LATCHKEY_CLIENT_VERIFY_VERIFIER_H_
