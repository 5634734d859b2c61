// CheckCopies checks what a history says of writes that were sent more than
// once, by their idempotency keys:
//
//   - a copy has the answer of the first one, byte for byte, and where it was
//     sent after that answer had come it is called a replay;
//   - the same key with another request is refused, IDEMPOTENCY_KEY_REUSED, and
//     nothing else is refused so.
//
// All copies of a write are in one history.  Refusals that the server does not
// keep (overload, a deadline) say nothing.
//
// Thread safety: a free function, no shared state.

#ifndef LATCHKEY_CLIENT_VERIFY_COPY_CHECKER_H_
#define LATCHKEY_CLIENT_VERIFY_COPY_CHECKER_H_

#include "client/verify/round.h"
#include "client/verify/violations.h"

namespace latchkey::verify {

void CheckCopies(const Round& round, Violations* violations);

}  // namespace latchkey::verify

#endif  // LATCHKEY_CLIENT_VERIFY_COPY_CHECKER_H_
