// Which requests are refused since their principal is over a limit of its own.
//
// Thread safety: free functions, no shared state.

#ifndef LATCHKEY_SERVER_SERVICE_LIMIT_CHECK_H_
#define LATCHKEY_SERVER_SERVICE_LIMIT_CHECK_H_

#include <cstddef>

#include "absl/status/status.h"
#include "server/base/clock.h"
#include "server/rpc/call.h"
#include "server/store/operations.h"

namespace latchkey {

// Counts so many operations, at least one, of who sent `call`.  Where they are
// too many it is RESOURCE_EXHAUSTED, PRINCIPAL_LIMIT, and the client is told
// when to come back.
absl::Status TakeOperations(Call& call, size_t count, const Clock& clock);

// What a transaction counts: all that it might do.
inline size_t OperationsOf(const Transaction& transaction) {
  return transaction.compares.size() + transaction.on_success.size() +
         transaction.on_failure.size();
}

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SERVICE_LIMIT_CHECK_H_
