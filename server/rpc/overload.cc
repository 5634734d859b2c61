#include "server/rpc/overload.h"

#include <optional>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "server/base/error.h"
#include "server/base/string_view.h"
#include "server/runtime/admission_queue.h"

namespace latchkey {

absl::Status NotRun(const absl::Status& error) {
  return WithMetadata(error, "applied", "no");
}

bool IsRetry(const Call& call) {
  const std::optional<std::string_view> attempts =
      call.FindMetadata("grpc-previous-rpc-attempts");
  return attempts.has_value() && *attempts != "0";
}

void AddPushback(Call& call, Nanos pushback) {
  const Nanos whole_ms = (pushback + kNanosPerMilli - 1) / kNanosPerMilli;
  call.AddTrailer("grpc-retry-pushback-ms", std::to_string(whole_ms));
}

void RefuseOverloaded(Call& call, Nanos pushback) {
  AddPushback(call, pushback);
  call.Fail(NotRun(OverloadedError()));
}

void RefuseForMemory(Call& call) {
  AddPushback(call, kPushback);
  call.Fail(NotRun(MakeError(
      absl::StatusCode::kUnavailable, ErrorReason::kOverloaded,
      "too much waits to be received, or to be read by its clients")));
}

absl::Status PrincipalLimitError(std::string_view limit) {
  return MakeError(
      absl::StatusCode::kResourceExhausted, ErrorReason::kPrincipalLimit,
      absl::StrCat("the principal is over its limit of ", ToAbsl(limit)),
      {{"limit", std::string(limit)}});
}

void RefuseCallOfPrincipal(Call& call) {
  AddPushback(call, kPushback);
  call.Fail(NotRun(PrincipalLimitError("live-calls")));
}

}  // namespace latchkey
