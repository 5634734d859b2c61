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
      queue_({.overload_delay_max = kSlice}),
      heavy_queue_({.overload_delay_max = kSlice}) {}

void PointLane::Admit(Place& place, const Method& method, Call& call,
                      std::string_view request, UnixNanos now) {
  place.heavy_ = IsHeavy(place);
  const bool none_waits = queue_.empty() && heavy_queue_.empty();
  if (method.about_server || (none_waits && worked_ < kSlice)) {
    Run(QueueOf(place), method, call, request, now);
    return;
  }
  call.CountUnder(*method.metrics, request.size());
  place.method_ = &method;
  place.call_ = &call;
  place.request_ = request;
  Offer(place, now, now);
}

void PointLane::Offer(Place& place, UnixNanos arrival, UnixNanos now) {
  Call& call = *place.call_;
  AdmissionQueue& queue = QueueOf(place);
  const AdmissionQueue::Verdict verdict = queue.Offer(
      place,
      {.token = call.token(), .arrival = arrival, .retry = IsRetry(call)}, now);
  switch (verdict) {
    case AdmissionQueue::Verdict::kQueued:
      RequestPass();
      return;
    case AdmissionQueue::Verdict::kEnded:
      // It tells the same.
      DispatchUnary(*place.method_, call, place.request_, now);
      return;
    default:
      Refuse(queue, call, CauseOf(verdict));
      return;
  }
}

void PointLane::Run(AdmissionQueue& queue, const Method& method, Call& call,
                    std::string_view request, UnixNanos now) {
  const Nanos usual = queue.service_time();
  if (usual >= kAlwaysMeasured || unmeasured_-- <= 0) {
    unmeasured_ = kMeasuredEvery;
    const UnixNanos begin = clock_.Now();
    DispatchUnary(method, call, request, now);
    const Nanos time = clock_.Now() - begin;
    queue.CountService(time);
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
  for (AdmissionQueue* const queue : {&queue_, &heavy_queue_}) {
    while (now - begin < kSlice) {
      const AdmissionQueue::Taken taken = queue->Take(now);
      if (!taken) break;
      now = Settle(*queue, taken, now);
    }
  }
  // What is read next runs at once only in what is left of the slice.
  worked_ = now - begin;
  const bool none_waits = queue_.empty() && heavy_queue_.empty();
  if (!none_waits || worked_ >= kSlice / 2) RequestPass();
}

UnixNanos PointLane::Settle(AdmissionQueue& queue,
                            const AdmissionQueue::Taken& taken, UnixNanos now) {
  Place& place = static_cast<Place&>(*taken.item);
  Call& call = *place.call_;
  switch (taken.fate) {
    case AdmissionQueue::Fate::kEnded:
      call.Fail(NotRun(EndedError(taken.end, DeadlineStage::kQueue)));
      return now;
    case AdmissionQueue::Fate::kShed:
      Refuse(queue, call, ShedCause::kQueueDelay);
      return now;
    case AdmissionQueue::Fate::kRun:
      break;
  }
  if (!place.heavy_ && IsHeavy(place)) {
    // It has become one of those that wait behind the others.
    place.heavy_ = true;
    Offer(place, place.arrival(), now);
    return now;
  }
  if (!call.has_room_for_answer()) {
    metrics_.CountShed(ShedCause::kMemory);
    RefuseForMemory(call);
    return now;
  }
  metrics_.CountWait(now - place.arrival());
  // The place may be of another call when this one was finished.
  PeerLoads::Load* const load = place.load;
  DispatchUnary(*place.method_, call, place.request_, now);
  const UnixNanos done = clock_.Now();
  queue.CountService(done - now);
  if (load != nullptr) load->uncounted += done - now;
  return done;
}

void PointLane::Refuse(AdmissionQueue& queue, Call& call, ShedCause cause) {
  metrics_.CountShed(cause);
  RefuseOverloaded(call, queue.NextPushback());
}

void PointLane::RequestPass() {
  if (std::exchange(pass_requested_, true)) return;
  request_pass_();
}

}  // namespace latchkey
