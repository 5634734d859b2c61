#include "server/rpc/method_table.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/error.h"
#include "server/base/string_view.h"
#include "server/base/sync_point.h"
#include "server/runtime/deadline.h"

namespace latchkey {

void MethodTable::AddUnary(std::string_view path, UnaryHandler handler,
                           MethodClass method_class) {
  const auto [it, added] = methods_.try_emplace(std::string(path));
  LATCHKEY_CHECK(added, "a method has one handler");
  it->second = {std::move(handler),
                {},
                &metrics_.Add(path, false),
                method_class != MethodClass::kWork,
                method_class == MethodClass::kOpen};
}

void MethodTable::AddStream(std::string_view path, StreamHandlerFactory factory,
                            MethodClass method_class) {
  const auto [it, added] = methods_.try_emplace(std::string(path));
  LATCHKEY_CHECK(added, "a method has one handler");
  it->second = {{},
                std::move(factory),
                &metrics_.Add(path, true),
                method_class != MethodClass::kWork,
                method_class == MethodClass::kOpen};
}

const Method* MethodTable::Find(std::string_view path) const {
  const auto it = methods_.find(ToAbsl(path));
  return it == methods_.end() ? nullptr : &it->second;
}

void MethodTable::Count(Call& call, const Method* method) const {
  call.CountUnder(method != nullptr ? *method->metrics : metrics_.unknown(), 0);
}

absl::Status UnknownMethodError(std::string_view path) {
  return absl::UnimplementedError(
      absl::StrCat("no such method: ", ToAbsl(path.substr(0, 256))));
}

void DispatchUnary(const Method& method, Call& call, std::string_view request,
                   UnixNanos now) {
  call.CountUnder(*method.metrics, request.size());
  ReachSyncPoint(SyncPoint::kArrival);
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
