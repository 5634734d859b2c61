#include "server/transport/grpc/grpc_log.h"

#include <grpc/support/log.h>

#include <atomic>

namespace latchkey {
namespace {

// Written before the library runs; relaxed is enough.
std::atomic<void (*)(GrpcLogLevel, const char*)> log_sink = nullptr;

GrpcLogLevel ToLevel(gpr_log_severity severity) {
  switch (severity) {
    case GPR_LOG_SEVERITY_DEBUG:
      return GrpcLogLevel::kDebug;
    case GPR_LOG_SEVERITY_INFO:
      return GrpcLogLevel::kInfo;
    case GPR_LOG_SEVERITY_ERROR:
      break;
  }
  return GrpcLogLevel::kError;
}

void Forward(gpr_log_func_args* args) {
  log_sink.load(std::memory_order_relaxed)(ToLevel(args->severity),
                                           args->message);
}

}  // namespace

void SetGrpcLogSink(void (*sink)(GrpcLogLevel level, const char* message)) {
  log_sink.store(sink, std::memory_order_relaxed);
  gpr_set_log_function(Forward);
}

}  // namespace latchkey
