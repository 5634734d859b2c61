// The last round of a life that was killed: some writes were under way, and
// nobody will ever know what became of them.  This is what can be said of the
// rest.
//
// A commit takes the next version, so the versions of the commits that are
// known run on without a gap up to the first commit that is not known.  All
// before that gap can be judged as if nothing were unknown (CutAtGap); of what
// comes after it, what does not depend on the state (CheckBeyondGap).
//
// Thread safety: free functions, no shared state.

#ifndef LATCHKEY_TESTS_STRESS_DEAD_ROUND_H_
#define LATCHKEY_TESTS_STRESS_DEAD_ROUND_H_

#include <cstdint>

#include "client/verify/history.h"
#include "client/verify/violations.h"

namespace latchkey::stress {

// Copies to `strict` the events of `round` that come before the first gap in
// the versions: its commits, and all else that ended before any other commit
// can have begun.
//
// `last_version` is that of the last commit before the round.
void CutAtGap(const verify::History& round, uint64_t last_version,
              verify::History* strict);

// Checks that no two commits share a version, and that none has a lower one
// than a commit that had ended when it began.  Appends to logs are the matter
// of CheckLogReads().
void CheckBeyondGap(const verify::History& round,
                    verify::Violations* violations);

}  // namespace latchkey::stress

#endif  // LATCHKEY_TESTS_STRESS_DEAD_ROUND_H_
