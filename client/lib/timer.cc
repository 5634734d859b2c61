#include "client/lib/timer.h"

#include <grpc/support/time.h>
#include <grpcpp/alarm.h>

#include <utility>

namespace latchkey::client {
namespace {

class AlarmTimer final : public Timer {
 public:
  AlarmTimer(Duration delay, std::function<void()> callback) {
    const gpr_timespec due =
        gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                     gpr_time_from_nanos(delay.count(), GPR_TIMESPAN));
    alarm_.Set(due, [callback = std::move(callback)](bool expired) {
      if (expired) callback();
    });
  }

 private:
  grpc::Alarm alarm_;
};

}  // namespace

std::unique_ptr<Timer> AlarmTimerFactory::After(
    Duration delay, std::function<void()> callback) {
  return std::make_unique<AlarmTimer>(delay, std::move(callback));
}

}  // namespace latchkey::client
