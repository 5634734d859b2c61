// What the answers of the server say of when they were given: the version of a
// commit, or the least version that a read shows.
//
// Thread safety: free functions, no shared state.

#ifndef LATCHKEY_TESTS_STRESS_ANSWERS_H_
#define LATCHKEY_TESTS_STRESS_ANSWERS_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "client/verify/method.h"

namespace latchkey::stress {

// The version of the commit that `response` tells of; 0 where nothing was
// changed, and for methods that change nothing.
uint64_t CommitVersion(verify::Method method, std::string_view response);

// A version that the server had reached when it gave `response`: of the commit,
// of what was read, or of the snapshot.  Nothing where the answer names none.
std::optional<uint64_t> VersionReached(verify::Method method,
                                       std::string_view response);

}  // namespace latchkey::stress

#endif  // LATCHKEY_TESTS_STRESS_ANSWERS_H_
