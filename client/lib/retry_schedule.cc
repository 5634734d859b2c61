#include "client/lib/retry_schedule.h"

#include <algorithm>

namespace latchkey::client {

using grpc::StatusCode;

bool IsConclusive(StatusCode code) {
  switch (code) {
    case StatusCode::CANCELLED:
    case StatusCode::UNKNOWN:
    case StatusCode::DEADLINE_EXCEEDED:
    case StatusCode::RESOURCE_EXHAUSTED:
    case StatusCode::INTERNAL:
    case StatusCode::UNAVAILABLE:
    case StatusCode::DATA_LOSS:
      return false;
    default:
      return true;
  }
}

RetrySchedule::Step RetrySchedule::Start(TimePoint now) { return Send(now); }

RetrySchedule::Step RetrySchedule::OnAnswer(TimePoint now,
                                            const Answer& answer) {
  --in_flight_;
  if (answer.code == StatusCode::OK) budget_.OnSuccess();
  if (answer.code == StatusCode::UNAVAILABLE) {
    budget_.OnFailure();
    if (answer.pushback_ms.has_value()) {
      // One beyond any deadline needs no exact sum, and any negative one says
      // the same.
      const auto pushback = std::chrono::milliseconds(
          std::clamp<int64_t>(*answer.pushback_ms, -1, INT32_MAX));
      refused_ = refused_ || pushback.count() < 0;
      not_before_ = std::max(not_before_, now + pushback);
    }
  }
  if (IsConclusive(answer.code)) return {.action = Action::kFinish};
  if (in_flight_ > 0) return {.wake = wake_};
  if (!MayRetry(answer)) return {.action = Action::kFinish};
  const bool pushed_back = answer.pushback_ms.has_value() || not_before_ > now;
  wake_ = pushed_back ? std::max(not_before_, now) : now + Backoff();
  if (*wake_ >= options_.deadline) return {.action = Action::kFinish};
  return {.wake = wake_};
}

RetrySchedule::Step RetrySchedule::OnTimer(TimePoint now) {
  if (!wake_.has_value() || now < *wake_) return {.wake = wake_};
  wake_.reset();
  if (in_flight_ == 0) {
    ++retries_;
    return Send(now);
  }
  if (!options_.repeat || attempts_ >= kAttemptsMax || refused_ ||
      !budget_.TakeHedge()) {
    return {};
  }
  ++hedges_;
  return Send(now);
}

RetrySchedule::Step RetrySchedule::Send(TimePoint now) {
  ++attempts_;
  ++in_flight_;
  wake_.reset();
  if (options_.repeat && options_.hedge_delay.has_value() && hedges_ == 0) {
    wake_ = now + *options_.hedge_delay;
  }
  return {.action = Action::kSend, .wake = wake_};
}

bool RetrySchedule::MayRetry(const Answer& answer) const {
  return options_.repeat && answer.code == StatusCode::UNAVAILABLE &&
         !refused_ && attempts_ < kAttemptsMax && budget_.AllowsRetry();
}

Duration RetrySchedule::Backoff() {
  const Duration ceiling =
      std::min(kBackoffBase * (int64_t{1} << retries_), kBackoffMax);
  const auto scaled = static_cast<unsigned __int128>(random_.Next()) *
                      static_cast<uint64_t>(ceiling.count() + 1);
  return Duration(static_cast<int64_t>(scaled >> 64));
}

}  // namespace latchkey::client
