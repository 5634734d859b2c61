#include "server/rpc/method_table.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/error.h"
#include "server/base/string_view.h"
#include "server/runtime/deadline.h"

namespace latchkey {

void MethodTable::AddUnary(std::string_view path, UnaryHandler handler) {
  const bool added =
      methods_.try_emplace(std::string(path), Method{std::move(handler), {}})
          .second;
  LATCHKEY_CHECK(added, "a method has one handler");
}

void MethodTable::AddStream(std::string_view path,
                            StreamHandlerFactory factory) {
  const bool added =
      methods_.try_emplace(std::string(path), Method{{}, std::move(factory)})
          .second;
  LATCHKEY_CHECK(added, "a method has one handler");
}

const Method* MethodTable::Find(std::string_view path) const {
  const auto it = methods_.find(ToAbsl(path));
  return it == methods_.end() ? nullptr : &it->second;
}

absl::Status UnknownMethodError(std::string_view path) {
  return absl::UnimplementedError(
      absl::StrCat("no such method: ", ToAbsl(path.substr(0, 256))));
}

void DispatchUnary(const Method& method, Call& call, std::string_view request,
                   UnixNanos now) {
  const EndReason end = call.token().Check(now);
  if (end != EndReason::kNone) {
    // True of a read as well; only the handlers know which calls write.
    call.Fail(WithMetadata(EndedError(end, DeadlineStage::kArrival), "applied",
                           "no"));
    return;
  }
  method.unary(call, request);
}

}  // namespace latchkey
