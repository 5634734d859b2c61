// What every read of one entry does, in line.
//
// Thread safety: free functions, no shared state.

#ifndef LATCHKEY_SERVER_STORE_READ_RULES_H_
#define LATCHKEY_SERVER_STORE_READ_RULES_H_

#include <cstdint>

#include "absl/status/status.h"
#include "server/base/clock.h"
#include "server/runtime/deadline.h"
#include "server/store/operations.h"

namespace latchkey {

// The error of a request that has ended for `end`, or OK.
inline absl::Status StatusOf(EndReason end) {
  if (end == EndReason::kNone) return absl::OkStatus();
  return EndedError(end, DeadlineStage::kBeforeCommit);
}

// The same as of `now`.
inline absl::Status CheckToken(DeadlineToken token, UnixNanos now) {
  return StatusOf(token.Check(now));
}

// The answer to a read that found `entry`, or nothing.
inline GetResult MakeGetResult(Entry* entry, uint64_t if_version_not) {
  GetResult result;
  if (entry == nullptr) return result;
  result.not_modified =
      if_version_not != kNoVersion && entry->version() == if_version_not;
  if (!result.not_modified) {
    result.found = {EntryRef(entry), entry->expire_time()};
  }
  return result;
}

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_READ_RULES_H_
