#include "server/rpc/point_lane.h"

#include <utility>

#include "server/rpc/overload.h"

namespace latchkey {
namespace {

// How long calls are run before sockets are read again, at least one: so that
// who is refused waits for no more than two milliseconds for his answer.
constexpr Nanos kSlice = kNanosPerMilli;

// Short calls are measured now and then, since the clock would cost a hundredth
// of them; longer ones each time.
constexpr Nanos kAlwaysMeasured = 10 * kNanosPerMicro;
constexpr int kMeasuredEvery = 16;

ShedCause CauseOf(AdmissionQueue::Verdict verdict) {
  switch (verdict) {
    case AdmissionQueue::Verdict::kFull:
      return ShedCause::kQueueFull;
    case AdmissionQueue::Verdict::kTooLate:
      return ShedCause::kTooLate;
    default:
      return ShedCause::kQueueDelay;
  }
}

}  // namespace

PointLane::PointLane(const Clock& clock, AdmissionMetrics& metrics,
                     std::function<void()> request_pass)
    : clock_(clock),
      metrics_(metrics),
      request_pass_(std::move(request_pass)),
      queue_({.overload_delay_max = kSlice}) {}

void PointLane::Admit(Place& place, const Method& method, Call& call,
                      std::string_view request, UnixNanos now) {
  if (method.about_server || (queue_.empty() && worked_ < kSlice)) {
    Run(method, call, request, now);
    return;
  }
  call.CountUnder(*method.metrics, request.size());
  const AdmissionQueue::Verdict verdict = queue_.Offer(
      place, {.token = call.token(), .arrival = now, .retry = IsRetry(call)},
      now);
  switch (verdict) {
    case AdmissionQueue::Verdict::kQueued:
      place.method_ = &method;
      place.call_ = &call;
      place.request_ = request;
      RequestPass();
      return;
    case AdmissionQueue::Verdict::kEnded:
      // It tells the same.
      DispatchUnary(method, call, request, now);
      return;
    default:
      Refuse(call, CauseOf(verdict));
      return;
  }
}

void PointLane::Run(const Method& method, Call& call, std::string_view request,
                    UnixNanos now) {
  const Nanos usual = queue_.service_time();
  if (usual >= kAlwaysMeasured || unmeasured_-- <= 0) {
    unmeasured_ = kMeasuredEvery;
    const UnixNanos begin = clock_.Now();
    DispatchUnary(method, call, request, now);
    const Nanos time = clock_.Now() - begin;
    queue_.CountService(time);
    worked_ += time;
  } else {
    DispatchUnary(method, call, request, now);
    worked_ += usual;
  }
  // Early enough that a thread which is not busy never gets there.
  if (worked_ >= kSlice / 2) RequestPass();
}

void PointLane::OnPass() {
  pass_requested_ = false;
  const UnixNanos begin = clock_.Now();
  UnixNanos now = begin;
  while (const AdmissionQueue::Taken taken = queue_.Take(now)) {
    Place& place = static_cast<Place&>(*taken.item);
    Call& call = *place.call_;
    switch (taken.fate) {
      case AdmissionQueue::Fate::kEnded:
        call.Fail(NotRun(EndedError(taken.end, DeadlineStage::kQueue)));
        break;
      case AdmissionQueue::Fate::kShed:
        Refuse(call, ShedCause::kQueueDelay);
        break;
      case AdmissionQueue::Fate::kRun: {
        if (!call.has_room_for_answer()) {
          metrics_.CountShed(ShedCause::kMemory);
          RefuseForMemory(call);
          break;
        }
        metrics_.CountWait(now - place.arrival());
        DispatchUnary(*place.method_, call, place.request_, now);
        const UnixNanos started = std::exchange(now, clock_.Now());
        queue_.CountService(now - started);
        break;
      }
    }
    if (now - begin >= kSlice) break;
  }
  // What is read next runs at once only in what is left of the slice.
  worked_ = now - begin;
  if (!queue_.empty() || worked_ >= kSlice / 2) RequestPass();
}

void PointLane::Refuse(Call& call, ShedCause cause) {
  metrics_.CountShed(cause);
  RefuseOverloaded(call, queue_.NextPushback());
}

void PointLane::RequestPass() {
  if (std::exchange(pass_requested_, true)) return;
  request_pass_();
}

}  // namespace latchkey
