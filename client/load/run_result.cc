#include "client/load/run_result.h"

namespace latchkey::load {

uint64_t RunResult::FailureCount() const {
  return preload.failure_count + warm_up.failure_count +
         measured.failure_count + audit.failure_count;
}

uint64_t RunResult::ValuesVerified() const {
  return warm_up.values_verified + measured.values_verified +
         audit.values_verified;
}

bool RunResult::AuditMissing() const {
  return options.transfers() && measuring && !total.has_value();
}

int RunResult::ExitCode() const {
  // A wrong answer is worse than none.
  if (FailureCount() > 0) return kExitFailed;
  if (verify && !verify->violations.empty()) return kExitFailed;
  if (ending == Ending::kRestarted) return kExitFailed;
  if (ending == Ending::kUnavailable) return kExitUnavailable;
  if (!measuring || AuditMissing()) return kExitFailed;
  if (options.errors_max && measured.error_count > *options.errors_max) {
    return kExitFailed;
  }
  return kExitOk;
}

}  // namespace latchkey::load
