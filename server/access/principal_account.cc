#include "server/access/principal_account.h"

#include "absl/strings/str_cat.h"
#include "server/base/error.h"
#include "server/base/string_view.h"

namespace latchkey {

absl::Status PrincipalAccount::OverLimitError(std::string_view limit) const {
  return MakeError(absl::StatusCode::kResourceExhausted,
                   ErrorReason::kPrincipalLimit,
                   absl::StrCat("the principal ", name_,
                                " is over its limit of ", ToAbsl(limit)),
                   {{"limit", std::string(limit)}});
}

}  // namespace latchkey
