#include "tests/stress/call_loop.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/lib/call_error.h"
#include "latchkey/v1/cache.pb.h"
#include "tests/stress/answers.h"

namespace latchkey::stress {
namespace {

using load::Nanos;
using verify::EventOutcome;
using verify::HistoryEvent;
using verify::Method;

// After a call that nobody answered, so that a server that is not there is not
// asked a million times.
constexpr Nanos kRest = 5 * load::kNanosPerMilli;

// Of the operations, in percent.
constexpr uint64_t kCopyPercent = 5;
constexpr size_t kCopyableMax = 64;

verify::EventError ErrorOf(const client::CallError& error) {
  return {.code = error.code_name,
          .reason = error.reason,
          .metadata = error.metadata};
}

// Whether `error` is of the copy that met it, and not kept for all: a link that
// sends all twice has sent a copy of its own, of which no client knows, and
// that one may have been run.
bool IsOfOneCopy(const verify::EventError& error) {
  return error.code == "UNAVAILABLE" || error.code == "RESOURCE_EXHAUSTED" ||
         error.code == "DEADLINE_EXCEEDED" || error.code == "CANCELLED";
}

}  // namespace

CallLoop::CallLoop(load::CallPort& port, size_t slots, LifeRecord& record,
                   uint64_t seed)
    : port_(port),
      record_(record),
      random_(seed),
      slots_(slots),
      last_answer_(port.Now()) {}

void CallLoop::SetLife(uint64_t number, OperationMaker* maker) {
  for (Slot& slot : slots_) slot.life = life_;
  copyable_.clear();
  life_ = number;
  maker_ = maker;
}

void CallLoop::StartLoading() {
  loading_ = true;
  for (size_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot].doing == Doing::kNothing) Begin(slot);
  }
}

void CallLoop::Make(std::vector<Operation> reads) {
  for (Operation& read : reads) to_make_.push_back(std::move(read));
  for (size_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot].doing == Doing::kNothing) Begin(slot);
  }
}

void CallLoop::Begin(size_t slot) {
  if (!to_make_.empty()) {
    Operation read = std::move(to_make_.front());
    to_make_.pop_front();
    BeginOperation(slot, std::move(read));
    slots_[slot].must_be_answered = true;
  } else if (loading_ && !copyable_.empty() && random_() % 100 < kCopyPercent) {
    BeginOperation(slot, copyable_[random_() % copyable_.size()]);
    slots_[slot].copy = true;
  } else if (loading_) {
    BeginOperation(slot, maker_->Next(slot));
  }
}

void CallLoop::BeginOperation(size_t index, Operation operation) {
  Slot& slot = slots_[index];
  slot = {.doing = Doing::kOperation,
          .operation = std::move(operation),
          .life = life_,
          .call_life = life_,
          .start = port_.Now()};
  slot.request = slot.operation.request->SerializeAsString();
  ++busy_;
  port_.Start(index, {.method = slot.operation.method,
                      .request = slot.operation.request.get()});
}

void CallLoop::Settle(size_t index) {
  Slot& slot = slots_[index];
  slot.doing = Doing::kSettling;
  slot.open = true;
  slot.call_life = life_;
  v1::GetOutcomeRequest request;
  request.set_idempotency_key(slot.operation.idempotency_key);
  request.set_fence(true);
  port_.Start(index, {.method = Method::kGetOutcome, .request = &request});
}

void CallLoop::Rest(size_t index) {
  slots_[index].doing = Doing::kResting;
  slots_[index].rest_until = port_.Now() + kRest;
  resting_.push_back(index);
}

void CallLoop::WakeRested() {
  while (!resting_.empty() &&
         slots_[resting_.front()].rest_until <= port_.Now()) {
    const size_t index = resting_.front();
    resting_.pop_front();
    Slot& slot = slots_[index];
    if (slot.open) {
      Settle(index);
    } else {
      slot.doing = Doing::kNothing;
      --busy_;
      Begin(index);
    }
  }
}

void CallLoop::Step(Nanos until) {
  if (!resting_.empty()) {
    until = std::min(until, slots_[resting_.front()].rest_until);
  }
  const std::optional<load::Completion> completion = port_.Poll(until);
  if (completion.has_value()) {
    if (completion->error == nullptr) last_answer_ = port_.Now();
    if (slots_[completion->slot].doing == Doing::kSettling) {
      OnSettled(completion->slot, *completion);
    } else {
      OnAnswer(completion->slot, *completion);
    }
  }
  WakeRested();
}

HistoryEvent CallLoop::EventOf(size_t index, Nanos end) const {
  const Slot& slot = slots_[index];
  return {.process = static_cast<uint32_t>(index),
          .method = slot.operation.method,
          .attempts = static_cast<uint32_t>(slot.attempts),
          .hedges = static_cast<uint32_t>(slot.hedges),
          .start = slot.start,
          .end = end,
          .idempotency_key = slot.operation.idempotency_key,
          .request = slot.request};
}

void CallLoop::OnAnswer(size_t index, const load::Completion& completion) {
  Slot& slot = slots_[index];
  const bool is_write = !slot.operation.idempotency_key.empty();
  slot.attempts = std::max(completion.attempts, 1);
  slot.hedges = completion.hedges;
  if (completion.attempts > 1) ++totals_.retried;
  totals_.hedges += completion.hedges;
  if (completion.replayed) ++totals_.replays;

  HistoryEvent event = EventOf(index, port_.Now());
  event.replayed = completion.replayed;
  // A link that sends all twice may let its own copy come first, so that even a
  // single one can be answered as a copy.
  if (event.replayed) event.attempts = std::max(event.attempts, 2u);
  if (completion.error == nullptr) {
    event.response = completion.response;
    End(index, event);
    return;
  }
  slot.error = ErrorOf(*completion.error);
  if (slot.error.reason == "INCARNATION_CHANGED") ++totals_.refused_under_way;
  if (is_write && !slot.copy &&
      (completion.outcome == client::Outcome::kUnknown ||
       IsOfOneCopy(slot.error))) {
    ++totals_.unknown;
    Settle(index);
    return;
  }
  event.outcome = completion.outcome == client::Outcome::kUnknown
                      ? EventOutcome::kUnknown
                      : EventOutcome::kNotApplied;
  event.error = &slot.error;
  End(index, event);
}

void CallLoop::OnSettled(size_t index, const load::Completion& completion) {
  Slot& slot = slots_[index];
  v1::GetOutcomeResponse outcome;
  if (completion.error != nullptr ||
      !outcome.ParseFromArray(completion.response.data(),
                              static_cast<int>(completion.response.size()))) {
    Rest(index);
    return;
  }
  HistoryEvent event = EventOf(index, port_.Now());
  const bool done = outcome.state() == v1::GetOutcomeResponse::DONE;
  if (done && outcome.code() == 0) {
    event.response = outcome.response();
  } else {
    event.outcome = EventOutcome::kNotApplied;
    if (done) {
      slot.error = {.code = std::string(client::StatusCodeName(
                        static_cast<grpc::StatusCode>(outcome.code())))};
    }
    event.error = &slot.error;
  }
  // Asked in one life and answered after its end: by which of the two, only a
  // version can tell.
  if (slot.call_life != life_ &&
      (event.outcome != EventOutcome::kOk ||
       !VersionReached(event.method, event.response).has_value())) {
    Settle(index);
    return;
  }
  if (done) {
    ++totals_.settled_done;
  } else {
    ++totals_.settled_not_applied;
  }
  End(index, event);
}

void CallLoop::End(size_t index, const HistoryEvent& event) {
  Slot& slot = slots_[index];
  slot.open = false;
  const bool ok = event.outcome == EventOutcome::kOk;
  const bool is_write = !event.idempotency_key.empty();
  ++totals_.operations;
  if (ok && slot.copy) ++totals_.copies;
  if (ok && is_write && !slot.copy) ++totals_.writes;

  // A read that failed, and a copy of which nobody knows, say nothing.
  if (ok || (is_write && event.outcome == EventOutcome::kNotApplied &&
             !(slot.copy && slot.life != life_))) {
    record_.Add(event, slot.life);
  }
  if (ok && is_write && !slot.copy && slot.life == life_) {
    if (copyable_.size() < kCopyableMax) {
      copyable_.push_back(slot.operation);
    } else {
      copyable_[random_() % kCopyableMax] = slot.operation;
    }
  }
  if (!ok && slot.must_be_answered) to_make_.push_back(slot.operation);
  if (!ok && event.error->code == "UNAVAILABLE") {
    Rest(index);
    return;
  }
  slot.doing = Doing::kNothing;
  --busy_;
  Begin(index);
}

std::vector<OpenWrite> CallLoop::OpenWrites() const {
  std::vector<OpenWrite> open;
  for (size_t index = 0; index < slots_.size(); ++index) {
    const Slot& slot = slots_[index];
    const bool under_way = slot.doing == Doing::kOperation || slot.open;
    if (under_way && !slot.operation.idempotency_key.empty() && !slot.copy) {
      open.push_back({.life = slot.life, .event = EventOf(index, port_.Now())});
    }
  }
  return open;
}

std::string CallLoop::UnderWay() const {
  std::string text;
  for (size_t index = 0; index < slots_.size(); ++index) {
    const Slot& slot = slots_[index];
    if (slot.doing == Doing::kNothing) continue;
    absl::StrAppend(
        &text, "slot ", index,
        slot.doing == Doing::kResting    ? " rests"
        : slot.doing == Doing::kSettling ? " settles"
                                         : " waits",
        slot.open ? ", open since " : ", begun at ",
        (port_.Now() - slot.start) / load::kNanosPerMilli,
        " ms ago: ", std::string(verify::MethodName(slot.operation.method)),
        " ", slot.operation.idempotency_key, " ", slot.error.code, "\n");
  }
  return text;
}

std::vector<Operation> CallLoop::TakeCopyable() {
  return std::exchange(copyable_, {});
}

}  // namespace latchkey::stress
