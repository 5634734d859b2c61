// SerialChecker checks that a history is strictly serializable: that all
// operations, on whatever keys, could have happened one after another, each at
// a moment between its start and its end, with the answers that they got.
//
// The order of the commits is known, since each answer carries its version.
// The checker
//
//   1. sorts the commits by version and replays them into a model of the server
//      (model.h), which must give the answers that were recorded: values,
//      versions, previous entries, counters, results of batches and
//      transactions, flags, whether there is an expiry;
//   2. demands that the versions have no gap, since a commit takes the next
//      number: a gap is a commit that nobody recorded;
//   3. finds for all else (reads, misses, refusals) the earliest place in that
//      order at which the model gives the recorded answer, no earlier than
//      anything that had ended when the operation began.  The earliest one is
//      the best one: it leaves most room to those that follow.
//
// An atomic read has its place told, by its snapshot_version.  A plain BatchGet
// is as many reads as it has keys.
//
// What it does not see: when an entry expires (so the keys of a run must not
// expire while it lasts), and the commit of a Get with `touch` outside a
// transaction, which has no version to go by.
//
// A long run is checked in rounds: CheckRound() carries the state of all keys,
// the last version and the last place from one to the next.
//
// Thread safety: an instance belongs to one thread.

#ifndef LATCHKEY_CLIENT_VERIFY_SERIAL_CHECKER_H_
#define LATCHKEY_CLIENT_VERIFY_SERIAL_CHECKER_H_

#include <cstdint>
#include <memory>

#include "client/verify/round.h"
#include "client/verify/violations.h"

namespace latchkey::verify {

struct SerialCheckerOptions {
  // Others write to other keys of the same server, so versions may be missing.
  bool shared = false;
};

class SerialChecker {
 public:
  // No key of the run exists.
  explicit SerialChecker(const SerialCheckerOptions& options = {});
  ~SerialChecker();

  SerialChecker(const SerialChecker&) = delete;
  SerialChecker& operator=(const SerialChecker&) = delete;

  // Adds to `violations` what could not have happened.
  //
  // REQUIRES: every event of an earlier round ended before any of this one
  // began.
  void CheckRound(const Round& round, Violations* violations);

  // Of all rounds.
  uint64_t commits() const;
  // Keys that exist now.
  uint64_t keys() const;

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace latchkey::verify

#endif  // LATCHKEY_CLIENT_VERIFY_SERIAL_CHECKER_H_
