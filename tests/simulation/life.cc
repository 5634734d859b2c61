#include "tests/simulation/life.h"

#include <algorithm>
#include <string>
#include <utility>

#include "latchkey/v1/cache.pb.h"
#include "server/base/error.h"
#include "tests/verify/keyed_write.h"

namespace latchkey::simulation {
namespace {

// A ledger that is never full in a run.
constexpr size_t kAmpleLedgerBytes = 16 * 1024 * 1024;

}  // namespace

void Service::End(UnixNanos now, EndReason reason) {
  if (copy == nullptr) return;
  ++ending;
  if (reason == EndReason::kDeadline) {
    copy->Expire(now);
  } else if (ended_at == kNever) {
    ended_at = now;
    copy->End(reason);
  }
  --ending;
}

Life::Life(const LifeOptions& options, Scheduler& scheduler, const Clock& clock,
           verify::Violations* violations)
    : options_(options),
      scheduler_(scheduler),
      violations_(*violations),
      server_({.seed = options.seed, .store = options.store}, clock),
      judge_({.window = options.store.idempotency_window,
              .incarnation = server_.store().CurrentStamp().incarnation,
              .may_be_full =
                  options.store.idempotency_bytes_max < kAmpleLedgerBytes},
             violations),
      executor_(scheduler),
      lane_(options.lane, clock, executor_),
      served_(scheduler) {
  sweeps_.emplace(executor_, options.sweep_every, [this] { return Sweep(); });
}

void Life::Kill() {
  over_ = true;
  sweeps_.reset();
}

bool Life::Sweep() {
  const size_t most = options_.swept_max;
  const size_t entries = store().SweepExpired(most);
  const size_t records = store().SweepLedger(most);
  const size_t images = store().scanner().Sweep(most);
  if (store().ledger_budget().bytes() > options_.store.idempotency_bytes_max) {
    violations_.Add(sort::kLeft, "the ledger holds more than it may");
  }
  return std::max({entries, records, images}) >= most;
}

verify::DirectAnswer Life::Serve(const Copy& copy,
                                 const std::shared_ptr<Service>& service) {
  ++serving_;
  scheduler_.ForgetDecidedAt();
  verify::DirectCopy served(
      server_, copy.method, copy.request,
      {.stamp = copy.stamp, .deadline = copy.deadline, .ended = copy.ended});
  service->copy = &served;
  if (copy.ended) service->ended_at = scheduler_.now();
  UnixNanos decided_at = 0;
  if (copy.in_lane) {
    StartTimer(copy, service);
    decided_at = RunInLane(copy, served);
  } else {
    served.Run();
    decided_at = scheduler_.decided_at();
  }
  service->copy = nullptr;
  while (service->ending > 0) scheduler_.WaitFor(Scheduler::kStep);
  const verify::DirectAnswer& answer = served.answer();
  scheduler_.Note(answer.response);
  scheduler_.Note(answer.status.message);
  const UnixNanos ends_at = std::min(copy.deadline, service->ended_at);
  if (copy.key.empty()) {
    JudgeRead(copy, ends_at, decided_at, answer);
  } else {
    judge_.Observe(copy.key, {.method = copy.method,
                              .request = copy.request,
                              .stamp = copy.stamp,
                              .ends_at = ends_at,
                              .decided_at = decided_at,
                              .answered_at = scheduler_.now(),
                              .may_be_shed = copy.in_lane,
                              .answer = answer});
  }
  --serving_;
  served_.NotifyAll();
  return answer;
}

UnixNanos Life::RunInLane(const Copy& copy, verify::DirectCopy& served) {
  int told = 0;
  UnixNanos decided_at = 0;
  Signal answered(scheduler_);
  const auto refuse = [&served](const absl::Status& status) {
    served.Fail(WithMetadata(status, "applied", "no"));
  };
  const absl::Status refused =
      lane_.Submit({.token = served.token(), .retry = copy.retry},
                   [&](const absl::Status& status) {
                     if (status.ok()) {
                       scheduler_.ForgetDecidedAt();
                       served.Run();
                       decided_at = scheduler_.decided_at();
                     } else {
                       refuse(status);
                     }
                     ++told;
                     answered.NotifyAll();
                   });
  if (!refused.ok()) {
    refuse(refused);
  } else {
    while (told == 0) answered.Wait();
  }
  if (told != (refused.ok() ? 1 : 0)) {
    violations_.Add(sort::kLane, "a task was told of its fate " +
                                     std::to_string(told) + " times");
  }
  return decided_at;
}

void Life::StartTimer(const Copy& copy, std::shared_ptr<Service> service) {
  if (copy.deadline == kNever) return;
  // It may outlive the life.
  scheduler_.Start("timer", [&scheduler = scheduler_, deadline = copy.deadline,
                             service = std::move(service)] {
    scheduler.WaitUntil(deadline);
    service->End(scheduler.now(), EndReason::kDeadline);
  });
}

void Life::JudgeRead(const Copy& copy, UnixNanos ends_at, UnixNanos decided_at,
                     const verify::DirectAnswer& answer) {
  if (!answer.ok()) {
    if (IsEnd(answer)) {
      if (ends_at <= scheduler_.now()) return;
      violations_.Add(sort::kEndInvented, "a read, before its end");
    } else if (!copy.in_lane || !IsShed(answer)) {
      violations_.Add(sort::kBadRefusal, "a read: " + verify::Describe(answer));
    }
    return;
  }
  // One of many moments may have begun before its end.
  v1::BatchGetRequest batch;
  const bool of_one_moment =
      copy.method == verify::Method::kGet ||
      (copy.method == verify::Method::kBatchGet &&
       batch.ParseFromString(copy.request) && batch.atomic());
  if (of_one_moment && ends_at <= decided_at) {
    violations_.Add(sort::kOutlivedDeadline,
                    "a read that ended at " + std::to_string(ends_at) +
                        " was answered as of " + std::to_string(decided_at));
  }
}

void Life::AwaitEnd() {
  while (serving_ > 0) served_.Wait();
  executor_.AwaitIdle();
  if (lane_.depth() > 0) {
    violations_.Add(sort::kLeft, "tasks that nobody runs");
  }
}

}  // namespace latchkey::simulation
