#include "server/runtime/admission_queue.h"

#include <algorithm>

#include "server/base/check.h"
#include "server/base/error.h"

namespace latchkey {
namespace {

// What one measurement weighs in the smoothed service time: so little that one
// outlier does not refuse a queue, so much that some tens of calls are enough
// to learn.
constexpr Nanos kSmoothing = 8;

// The part of its time that work may spend in the queue.
constexpr Nanos kPatience = 8;

// The golden ratio's part behind the point, in 1/1024: the multiples of it, as
// parts of 1, never cluster.
constexpr int64_t kSpreadWhole = 1'024;
constexpr int64_t kSpreadStep = 633;

}  // namespace

AdmissionQueue::Item::~Item() {
  LATCHKEY_CHECK(!queued(), "what waits is alive");
}

AdmissionQueue::AdmissionQueue(const AdmissionOptions& options)
    : options_(options) {}

AdmissionQueue::~AdmissionQueue() {
  LATCHKEY_CHECK(empty(), "a queue outlives what waits in it");
}

AdmissionQueue::Verdict AdmissionQueue::Offer(Item& item,
                                              const Request& request,
                                              UnixNanos now) {
  LATCHKEY_CHECK(!item.queued(), "work waits in one place");
  WatchRefusals(now);
  const Verdict verdict = Judge(request, now);
  if (verdict == Verdict::kEnded) return verdict;
  if (verdict != Verdict::kQueued) {
    last_refusal_ = now;
    return verdict;
  }
  List& list = request.retry ? retries_ : first_attempts_;
  item.list_ = &list;
  item.arrival_ = request.arrival;
  item.token_ = request.token;
  item.older_ = list.newest;
  item.newer_ = nullptr;
  (list.newest != nullptr ? list.newest->newer_ : list.oldest) = &item;
  list.newest = &item;
  ++list.size;
  return Verdict::kQueued;
}

AdmissionQueue::Verdict AdmissionQueue::Judge(const Request& request,
                                              UnixNanos now) const {
  if (request.token.Check(now) != EndReason::kNone) return Verdict::kEnded;
  const int width = request.retry ? 2 : 1;
  if (size() * static_cast<size_t>(width) >= options_.items_max) {
    return Verdict::kFull;
  }
  const Nanos wait =
      width * WaitBehind(request.retry ? size() : first_attempts_.size);
  if (overloaded_ && wait >= options_.overload_delay_max) {
    return Verdict::kOverloaded;
  }
  // Of a token without a deadline this is longer than any wait.
  if (wait > request.token.deadline() - now) return Verdict::kTooLate;
  return Verdict::kQueued;
}

AdmissionQueue::Taken AdmissionQueue::Take(UnixNanos now) {
  WatchRefusals(now);
  for (List* const list : {&retries_, &first_attempts_}) {
    if (const Taken stale = TakeStale(*list, now)) return stale;
  }
  List& list = first_attempts_.size > 0 ? first_attempts_ : retries_;
  Item* const item = overloaded_ ? list.newest : list.oldest;
  if (item == nullptr) return {};
  Taken taken{.item = item, .end = item->token_->Check(now)};
  if (taken.end != EndReason::kNone) {
    taken.fate = Fate::kEnded;
  } else {
    WatchDelay(*item, now);
  }
  Remove(*item);
  return taken;
}

AdmissionQueue::Taken AdmissionQueue::TakeStale(List& list, UnixNanos now) {
  Item* const item = list.oldest;
  if (item == nullptr) return {};
  Taken taken{
      .item = item, .fate = Fate::kEnded, .end = item->token_->Check(now)};
  if (taken.end == EndReason::kNone) {
    if (!overloaded_ || now - item->arrival_ <= options_.overload_delay_max) {
      return {};
    }
    taken.fate = Fate::kShed;
    last_refusal_ = now;
  }
  Remove(*item);
  return taken;
}

void AdmissionQueue::Remove(Item& item) {
  List& list = *item.list_;
  (item.older_ != nullptr ? item.older_->newer_ : list.oldest) = item.newer_;
  (item.newer_ != nullptr ? item.newer_->older_ : list.newest) = item.older_;
  --list.size;
  item.list_ = nullptr;
  if (empty()) standing_since_ = kNever;
}

void AdmissionQueue::WatchDelay(const Item& item, UnixNanos now) {
  if (overloaded_) return;
  const Nanos time_given = item.token_->deadline() - item.arrival_;
  if (now - item.arrival_ <=
      std::max(options_.delay_target, time_given / kPatience)) {
    standing_since_ = kNever;
  } else if (standing_since_ == kNever) {
    standing_since_ = now;
  } else if (now - standing_since_ >= options_.interval) {
    overloaded_ = true;
    last_refusal_ = now;
  }
}

void AdmissionQueue::WatchRefusals(UnixNanos now) {
  if (!overloaded_ || now - last_refusal_ < options_.interval) return;
  overloaded_ = false;
  standing_since_ = kNever;
}

void AdmissionQueue::CountService(Nanos time) {
  service_time_ = service_time_ == 0
                      ? time
                      : service_time_ + (time - service_time_) / kSmoothing;
}

Nanos AdmissionQueue::WaitBehind(size_t items) const {
  return static_cast<Nanos>(items) * service_time_ / options_.servers;
}

Nanos AdmissionQueue::NextPushback() {
  const Nanos drained = std::max(
      kNanosPerMilli,
      WaitBehind(size()) + (overloaded_ ? options_.interval : Nanos{0}));
  spread_ = (spread_ + kSpreadStep) % kSpreadWhole;
  return drained + drained * spread_ / kSpreadWhole;
}

absl::Status OverloadedError() {
  return MakeError(absl::StatusCode::kUnavailable, ErrorReason::kOverloaded,
                   "the server has more to do than it can do in time");
}

}  // namespace latchkey
