#include "client/lib/logical_call.h"

#include <grpc/support/time.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <map>
#include <utility>

namespace latchkey::client {
namespace {

constexpr char kStamp[] = "latchkey-stamp";
constexpr char kStampWanted[] = "?";
constexpr char kReplayed[] = "latchkey-replayed";
constexpr char kPreviousAttempts[] = "grpc-previous-rpc-attempts";
constexpr char kPushback[] = "grpc-retry-pushback-ms";

std::optional<std::string> Trailer(const grpc::ClientContext& context,
                                   const char* name) {
  const auto& trailers = context.GetServerTrailingMetadata();
  const auto found = trailers.find(name);
  if (found == trailers.end()) return std::nullopt;
  return std::string(found->second.data(), found->second.size());
}

// One that is no number forbids the retry, as in gRPC.
std::optional<int64_t> PushbackMillis(const grpc::ClientContext& context) {
  const std::optional<std::string> text = Trailer(context, kPushback);
  if (!text.has_value()) return std::nullopt;
  int64_t millis = -1;
  const char* const end = text->data() + text->size();
  const auto [last, error] = std::from_chars(text->data(), end, millis);
  return error == std::errc() && last == end ? millis : -1;
}

// The library wants an instant of a clock of its own.
gpr_timespec GrpcDeadline(Duration left) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_nanos(left.count(), GPR_TIMESPAN));
}

}  // namespace

LogicalCall::LogicalCall(ClientCore& core, Options options)
    : core_(core),
      options_(std::move(options)),
      schedule_(options_.schedule, core.budget, core.random),
      tally_(options_.changes) {}

LogicalCall::~LogicalCall() {
  {
    MutexLock lock(mutex_);
    copies_.clear();
  }
  core_.calls.Remove(this);
}

void LogicalCall::Start() {
  Todo todo;
  {
    MutexLock lock(mutex_);
    if (finished_) return;
    const bool pins =
        options_.stamp.empty() && !options_.idempotency_key.empty();
    stamp_ = pins ? core_.stamps.Get() : options_.stamp;
    todo = FollowLocked(schedule_.Start(core_.clock.Now()));
  }
  Do(std::move(todo), nullptr);
}

void LogicalCall::End(const CallError& error) {
  Todo todo;
  {
    MutexLock lock(mutex_);
    if (finished_) return;
    todo = FinishLocked(error, nullptr);
  }
  Do(std::move(todo), nullptr);
}

void LogicalCall::Cancel() {
  End(DecodeCallError(
      grpc::Status(grpc::StatusCode::CANCELLED, "the client was destroyed")));
}

void LogicalCall::StopRepeating() {
  MutexLock lock(mutex_);
  schedule_.StopRepeating();
}

void LogicalCall::OnCopyDone(Copy& copy, const grpc::Status& status) {
  const TimePoint now = core_.clock.Now();
  const CallError error = DecodeCallError(status);
  LearnStamp(copy, error, now);
  Todo todo;
  {
    MutexLock lock(mutex_);
    if (finished_) return;
    tally_.OnAnswer(error);
    const RetrySchedule::Step step = schedule_.OnAnswer(
        now, {.code = error.code, .pushback_ms = PushbackMillis(copy.context)});
    todo = step.action == RetrySchedule::Action::kFinish
               ? FinishLocked(error, &copy)
               : FollowLocked(step);
  }
  Do(std::move(todo), &copy);
}

void LogicalCall::OnTimer() {
  Todo todo;
  {
    MutexLock lock(mutex_);
    if (finished_) return;
    todo = FollowLocked(schedule_.OnTimer(core_.clock.Now()));
  }
  Do(std::move(todo), nullptr);
}

void LogicalCall::LearnStamp(Copy& copy, const CallError& error,
                             TimePoint now) {
  std::optional<std::string> stamp = Trailer(copy.context, kStamp);
  if (stamp.has_value()) {
    core_.stamps.Learn(std::move(*stamp), now);
  } else if (copy.asks && IsConclusive(error.code)) {
    core_.stamps.Learn("", now);
  } else if (error.code == grpc::StatusCode::UNAVAILABLE &&
             error.reason.empty()) {
    core_.stamps.Doubt();
  }
}

LogicalCall::Todo LogicalCall::FollowLocked(const RetrySchedule::Step& step) {
  Todo todo;
  todo.old_timer = std::move(timer_);
  if (step.wake.has_value()) {
    const Duration delay =
        std::max(*step.wake - core_.clock.Now(), Duration::zero());
    timer_ = core_.timers.After(
        delay, [self = shared_from_this()] { self->OnTimer(); });
  }
  if (step.action == RetrySchedule::Action::kSend) todo.send = AddCopyLocked();
  return todo;
}

LogicalCall::Todo LogicalCall::FinishLocked(const CallError& error,
                                            const Copy* winner) {
  finished_ = true;
  Todo todo;
  todo.old_timer = std::move(timer_);
  todo.result = CallResult{
      .error = error,
      .outcome = tally_.Get(),
      .attempts = schedule_.attempts(),
      .hedges = schedule_.hedges(),
      .replayed =
          winner != nullptr && Trailer(winner->context, kReplayed) == "1",
      .idempotency_key = options_.idempotency_key,
      .stamp = options_.idempotency_key.empty() ? "" : stamp_,
  };
  for (const auto& copy : copies_) {
    if (copy.get() != winner) todo.cancel.push_back(copy.get());
  }
  return todo;
}

LogicalCall::Copy* LogicalCall::AddCopyLocked() {
  std::unique_ptr<Copy> copy = MakeCopy();
  const TimePoint now = core_.clock.Now();
  copy->context.set_deadline(GrpcDeadline(options_.schedule.deadline - now));
  if (!stamp_.empty()) {
    copy->context.AddMetadata(kStamp, stamp_);
  } else if (options_.idempotency_key.empty() && core_.stamps.Stale(now)) {
    copy->context.AddMetadata(kStamp, kStampWanted);
    copy->asks = true;
  }
  if (!copies_.empty()) {
    copy->context.AddMetadata(kPreviousAttempts,
                              std::to_string(copies_.size()));
  }
  tally_.OnSent();
  copies_.push_back(std::move(copy));
  return copies_.back().get();
}

void LogicalCall::Do(Todo todo, Copy* winner) {
  todo.old_timer.reset();
  // A copy that was cancelled before it is sent is never sent.
  if (todo.send != nullptr) SendCopy(*todo.send);
  for (Copy* const copy : todo.cancel) copy->context.TryCancel();
  if (todo.result.has_value()) Complete(std::move(*todo.result), winner);
}

}  // namespace latchkey::client
