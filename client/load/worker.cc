#include "client/load/worker.h"

#include <algorithm>
#include <utility>

namespace latchkey::load {
namespace {

// How long a stop may go unnoticed.
constexpr Nanos kStopCheckEvery = 50 * kNanosPerMilli;

}  // namespace

Worker::Worker(CallPort& port, size_t slots, Workload& workload,
               PhaseSignals& signals)
    : port_(port), workload_(workload), signals_(signals), running_(slots) {
  // The last one is used first.
  for (size_t slot = slots; slot > 0; --slot) idle_.push_back(slot - 1);
}

Tally Worker::Run(const Phase& phase) {
  if (phase.pace) pacer_.emplace(*phase.pace);
  cancel_ratio_ = phase.cancel_ratio;
  cancel_after_ = phase.cancel_after;
  cancel_random_ = phase.cancel_random;
  while (true) {
    const Nanos now = port_.Now();
    const bool stopped = Stopped(phase, now);
    if (stopped && pacer_) pacer_->Finish(now);
    ResumeRested(now);
    CancelDue(now);
    if (!stopped) BeginDue(now);
    if (in_flight_ == 0 && (stopped || exhausted_)) break;

    Nanos wake = stopped ? kForever : std::min(NextBegin(), phase.end);
    if (!rested_.empty()) wake = std::min(wake, rested_.begin()->first);
    if (!to_cancel_.empty()) wake = std::min(wake, to_cancel_.front().time);
    const auto completion = port_.Poll(std::min(wake, now + kStopCheckEvery));
    if (completion) End(*completion, port_.Now(), phase);
  }
  if (pacer_) tally_.not_sent = pacer_->not_sent();
  return std::move(tally_);
}

bool Worker::Stopped(const Phase& phase, Nanos now) const {
  return now >= phase.end || signals_.stop->load(std::memory_order_relaxed) ||
         signals_.gone.load(std::memory_order_relaxed) ||
         signals_.failed.load(std::memory_order_relaxed);
}

void Worker::ResumeRested(Nanos now) {
  while (!rested_.empty() && rested_.begin()->first <= now) {
    const size_t slot = rested_.begin()->second;
    rested_.erase(rested_.begin());
    port_.Start(slot, workload_.Resume(slot));
  }
}

void Worker::CancelDue(Nanos now) {
  while (!to_cancel_.empty() && to_cancel_.front().time <= now) {
    const ToCancel one = to_cancel_.front();
    to_cancel_.pop_front();
    Running& running = running_[one.slot];
    if (running.operation != one.operation) continue;
    running.cancelled = true;
    port_.Cancel(one.slot);
  }
}

void Worker::ChooseToCancel(size_t slot) {
  if (cancel_ratio_ == 0 || cancel_random_.Unit() >= cancel_ratio_) return;
  Running& running = running_[slot];
  running.to_cancel = true;
  to_cancel_.push_back({running.sent + cancel_after_, slot, running.operation});
}

void Worker::BeginDue(Nanos now) {
  while (!resting_.empty() && resting_.front().until <= now) {
    idle_.push_back(resting_.front().slot);
    resting_.pop_front();
  }
  while (!exhausted_ && !idle_.empty()) {
    Nanos due = now;
    if (pacer_) {
      const std::optional<Nanos> taken = pacer_->Take(now);
      if (!taken) return;
      due = *taken;
    }
    const size_t slot = idle_.back();
    if (!Begin(slot, due)) {
      exhausted_ = true;
      if (pacer_) pacer_->Finish(due);
      return;
    }
    idle_.pop_back();
  }
  if (pacer_) pacer_->Trim(now);
}

Nanos Worker::NextBegin() const {
  if (exhausted_) return kForever;
  const Nanos rested = resting_.empty() ? kForever : resting_.front().until;
  if (idle_.empty()) return rested;
  return pacer_ ? std::min(rested, pacer_->NextTime()) : rested;
}

bool Worker::Begin(size_t slot, Nanos due) {
  if (signals_.budget.fetch_sub(1, std::memory_order_relaxed) <= 0) {
    return false;
  }
  const std::optional<Call> call = workload_.Begin(slot);
  if (!call) return false;
  // A closed loop's own work on the call before it is sent is no wait of the
  // server's making.
  const Nanos sent = port_.Now();
  running_[slot] = {
      .operation = ++operations_, .due = pacer_ ? due : sent, .sent = sent};
  port_.Start(slot, *call);
  ChooseToCancel(slot);
  ++in_flight_;
  return true;
}

void Worker::End(const Completion& completion, Nanos now, const Phase& phase) {
  const size_t slot = completion.slot;
  ++tally_.calls;
  const Running ended = running_[slot];
  const bool answered = completion.error == nullptr || ended.cancelled ||
                        IsAnswered(*completion.error);
  const Step step = workload_.Continue(slot, completion, tally_);
  if (answered) {
    silent_since_.reset();
  } else {
    NoteSilence(now, phase);
  }
  if (step.next) {
    port_.Start(slot, *step.next);
    return;
  }
  if (step.rest) {
    rested_.emplace(now + *step.rest, slot);
    return;
  }
  --in_flight_;
  running_[slot].operation = 0;
  CountEnd(ended, completion, step, now, phase);
  if (answered) {
    idle_.push_back(slot);
  } else {
    resting_.push_back({slot, now + kRestAfterSilence});
  }
}

void Worker::CountEnd(const Running& ended, const Completion& completion,
                      const Step& step, Nanos now, const Phase& phase) {
  signals_.ended.fetch_add(1, std::memory_order_relaxed);
  if (step.ok) {
    const Nanos latency = now - ended.due;
    tally_.latency[static_cast<size_t>(step.kind)].Record(latency);
    // Whoever cancels does not wait for an answer that comes before.
    if (latency > phase.useful_within || ended.to_cancel) return;
    ++tally_.in_time;
    if (!phase.pace) return;
    const auto interval =
        static_cast<size_t>((now - phase.pace->start) / kGoodputInterval);
    if (interval >= tally_.in_time_by_interval.size()) {
      tally_.in_time_by_interval.resize(interval + 1);
    }
    ++tally_.in_time_by_interval[interval];
    return;
  }
  signals_.errors.fetch_add(1, std::memory_order_relaxed);
  if (phase.must_not_fail) signals_.failed = true;
  if (ended.cancelled) {
    ++tally_.cancelled;
  } else if (completion.error != nullptr &&
             completion.error->code == grpc::StatusCode::UNAVAILABLE &&
             IsAnswered(*completion.error)) {
    tally_.refusals.Record(now - ended.sent);
  }
}

void Worker::NoteSilence(Nanos now, const Phase& phase) {
  ++tally_.unanswered;
  if (!silent_since_) silent_since_ = now;
  if (now - *silent_since_ >= phase.gone_after) signals_.gone = true;
}

}  // namespace latchkey::load
