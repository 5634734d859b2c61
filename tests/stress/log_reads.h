// CheckLogReads checks every read of a log by itself, also those that were made
// while appends were under way: it needs no quiet end of the round, and so
// serves for a life that was killed.  (client/verify/append_log.h says what a
// log is, and checks those that were read at the end.)
//
//   lost      an append that was acknowledged before the read began is not
//   there doubled   an append is there more than once ghost     one is there
//   that was said not to be applied, that was sent only
//             after the read had ended, or that nobody sent
//
// Thread safety: a free function, no shared state.

#ifndef LATCHKEY_TESTS_STRESS_LOG_READS_H_
#define LATCHKEY_TESTS_STRESS_LOG_READS_H_

#include <cstdint>
#include <string_view>

#include "client/verify/history.h"
#include "client/verify/violations.h"

namespace latchkey::stress {

// `log_prefix` is what the keys of logs, and no others, begin with.  Returns
// how many acknowledged appends were seen by a read that began later.
//
// REQUIRES: all appends to a log that is read in `round` are in `round`.
uint64_t CheckLogReads(const verify::History& round,
                       std::string_view log_prefix,
                       verify::Violations* violations);

}  // namespace latchkey::stress

#endif  // LATCHKEY_TESTS_STRESS_LOG_READS_H_
