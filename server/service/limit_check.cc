#include "server/service/limit_check.h"

#include <algorithm>

#include "server/rpc/overload.h"

namespace latchkey {

absl::Status TakeOperations(Call& call, size_t count, const Clock& clock) {
  PrincipalAccount* const account = call.account();
  if (account == nullptr || !account->limits_operations()) {
    return absl::OkStatus();
  }
  const Nanos wait = account->TakeOperations(
      static_cast<int64_t>(std::max<size_t>(count, 1)), clock.Now());
  if (wait == 0) return absl::OkStatus();
  AddPushback(call, wait);
  return account->OverLimitError(kOperationsLimit);
}

}  // namespace latchkey
