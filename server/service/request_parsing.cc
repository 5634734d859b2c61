#include "server/service/request_parsing.h"

#include "absl/strings/str_cat.h"
#include "server/base/error.h"
#include "server/base/string_view.h"

namespace latchkey {

absl::Status UndecodableRequestError(std::string_view message_name) {
  return MakeInvalidArgument(
      ErrorReason::kInvalidField, "request",
      absl::StrCat("the bytes are not a ", ToAbsl(message_name)));
}

}  // namespace latchkey
