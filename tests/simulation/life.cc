#include "tests/simulation/life.h"

#include <algorithm>
#include <string>

#include "latchkey/v1/cache.pb.h"
#include "tests/verify/keyed_write.h"

namespace latchkey::simulation {

// What fits in no ledger of this size and below may be refused.
constexpr size_t kAmpleLedgerBytes = 16 * 1024 * 1024;

void Service::End(UnixNanos now, EndReason reason) {
  if (copy == nullptr || ended_at != kNever) return;
  ended_at = now;
  copy->End(reason);
}

Life::Life(const LifeOptions& options, Scheduler& scheduler, const Clock& clock,
           verify::Violations* violations)
    : scheduler_(scheduler),
      violations_(*violations),
      server_({.seed = options.seed, .store = options.store}, clock),
      judge_({.window = options.store.idempotency_window,
              .incarnation = server_.store().CurrentStamp().incarnation,
              .may_be_full =
                  options.store.idempotency_bytes_max < kAmpleLedgerBytes},
             violations),
      served_(scheduler) {}

verify::DirectAnswer Life::Serve(const Copy& copy, Service* service) {
  ++serving_;
  scheduler_.ForgetDecidedAt();
  verify::DirectCopy served(
      server_, copy.method, copy.request,
      {.stamp = copy.stamp, .deadline = copy.deadline, .ended = copy.ended});
  service->copy = &served;
  if (copy.ended) service->ended_at = scheduler_.now();
  served.Run();
  service->copy = nullptr;
  const verify::DirectAnswer& answer = served.answer();
  scheduler_.Note(answer.response);
  scheduler_.Note(answer.status.message);
  const UnixNanos ends_at = std::min(copy.deadline, service->ended_at);
  if (copy.key.empty()) {
    JudgeRead(copy, *service, answer);
  } else {
    judge_.Observe(copy.key, {.method = copy.method,
                              .request = copy.request,
                              .stamp = copy.stamp,
                              .ends_at = ends_at,
                              .decided_at = scheduler_.decided_at(),
                              .answer = answer});
  }
  --serving_;
  served_.NotifyAll();
  return answer;
}

void Life::JudgeRead(const Copy& copy, const Service& service,
                     const verify::DirectAnswer& answer) {
  const UnixNanos ends_at = std::min(copy.deadline, service.ended_at);
  if (!answer.ok()) {
    if (!IsEnd(answer)) {
      violations_.Add(sort::kBadRefusal, "a read: " + verify::Describe(answer));
    } else if (ends_at > scheduler_.now()) {
      violations_.Add(sort::kEndInvented, "a read, before its end");
    }
    return;
  }
  // One of many moments may have begun before its end.
  v1::BatchGetRequest batch;
  const bool of_one_moment =
      copy.method == verify::Method::kGet ||
      (copy.method == verify::Method::kBatchGet &&
       batch.ParseFromString(copy.request) && batch.atomic());
  if (of_one_moment && ends_at <= scheduler_.decided_at()) {
    violations_.Add(sort::kOutlivedDeadline,
                    "a read that ended at " + std::to_string(ends_at) +
                        " was answered as of " +
                        std::to_string(scheduler_.decided_at()));
  }
}

void Life::AwaitEnd() {
  while (serving_ > 0) served_.Wait();
}

}  // namespace latchkey::simulation
