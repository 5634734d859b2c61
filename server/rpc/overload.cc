#include "server/rpc/overload.h"

#include <optional>
#include <string>
#include <string_view>

#include "server/base/error.h"
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

void RefuseForPrincipal(Call& call, const absl::Status& error) {
  AddPushback(call, kPushback);
  call.Fail(NotRun(error));
}

}  // namespace latchkey
