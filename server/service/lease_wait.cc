#include "server/service/lease_wait.h"

#include <utility>

namespace latchkey {

absl::StatusOr<LeasedGet> LeaseWait::Start(Store& store, const Clock& clock,
                                           Executor* executor, Call& call,
                                           const GetOperation& get,
                                           const LeaseDemand& demand,
                                           Done done) {
  auto* const wait =
      new LeaseWait(store, clock, executor, call, get, std::move(done));
  // Before it may wait: then its end finds it in the queue, or the store sees
  // the end.
  wait->end_.emplace(wait->token_, [wait] { wait->OnEnd(); });
  absl::StatusOr<LeasedGet> answer =
      store.GetOrLease(get, demand, wait, wait->token_);
  if (!answer.ok() || !answer->waits) delete wait;
  return answer;
}

LeaseWait::LeaseWait(Store& store, const Clock& clock, Executor* executor,
                     Call& call, const GetOperation& get, Done done)
    : LeaseWaiter(store.memory(), store.ShardOf(get.key)),
      store_(store),
      clock_(clock),
      executor_(executor),
      token_(call.token()),
      if_version_not_(get.if_version_not),
      done_(std::move(done)) {}

void LeaseWait::Wake(LeaseNews news) {
  answer_.granted = news.granted;
  draining_ = news.granted == kNoLease && !news.filled.entry;
  if (news.filled.entry) {
    answer_.result.not_modified =
        if_version_not_ != kNoVersion &&
        news.filled.entry->version() == if_version_not_;
    if (!answer_.result.not_modified) {
      answer_.result.found = std::move(news.filled);
    }
  }
  const auto finish = [this] {
    if (draining_) {
      Finish(EndedError(EndReason::kDraining, DeadlineStage::kBeforeCommit));
    } else {
      Finish(std::move(answer_));
    }
  };
  if (executor_ != nullptr) {
    executor_->Post(finish);
  } else {
    finish();
  }
}

void LeaseWait::OnEnd() {
  if (!store_.CancelWait(*this)) return;
  Finish(EndedError(token_.Check(clock_.Now()), DeadlineStage::kQueue));
}

void LeaseWait::Finish(const absl::StatusOr<LeasedGet>& answer) {
  // Waits for a call of OnEnd() on another thread; then the call is ours.
  end_.reset();
  const Done done = done_;
  const absl::StatusOr<LeasedGet> kept = answer;
  delete this;
  done(kept);
}

}  // namespace latchkey
