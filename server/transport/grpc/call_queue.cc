#include "server/transport/grpc/call_queue.h"

#include <grpc/support/time.h>

#include <utility>

#include "server/base/check.h"
#include "server/rpc/authentication.h"
#include "server/rpc/overload.h"
#include "server/runtime/deadline.h"

namespace latchkey {
namespace {

// Slots that wait for an RPC on each queue.  An RPC that finds none waits under
// a lock that all queues share.  One slot is a few kilobytes.
constexpr int kSlotsPosted = 64;

// How long the library's events are taken, at most, before calls that wait are
// run.
constexpr Nanos kReadTimeMax = kNanosPerMilli;

// One look of the library takes what one socket has, and that may be no event
// yet: after so many without any there is nothing more.
constexpr int kEmptyPollsMax = 16;

}  // namespace

CallQueue::CallQueue(std::unique_ptr<grpc::ServerCompletionQueue> queue,
                     grpc::AsyncGenericService& service,
                     const MethodTable& methods, const Clock& clock,
                     const GrpcServerOptions& options, CallSlots& slots)
    : queue_(std::move(queue)),
      service_(service),
      methods_(methods),
      clock_(clock),
      options_(options),
      slots_(slots),
      lane_(clock, methods.metrics().admission(),
            [this] { pass_requested_ = true; }) {}

CallQueue::~CallQueue() {
  LATCHKEY_CHECK(!thread_.joinable(), "a queue is stopped before its end");
}

void CallQueue::Start() {
  thread_ = std::thread([this] { Run(); });
}

void CallQueue::Stop() {
  stop_alarm_.Set(queue_.get(), gpr_now(GPR_CLOCK_MONOTONIC), nullptr);
  thread_.join();
}

void CallQueue::Run() {
  for (int i = 0; i < kSlotsPosted; ++i) PostSlot();
  void* tag = nullptr;
  bool ok = false;
  while (queue_->Next(&tag, &ok)) {
    OnTag(tag, ok);
    while (std::exchange(pass_requested_, false)) {
      ReadPass();
      lane_.OnPass();
    }
    // The library aborts the process when an operation is started on a queue
    // that was shut down.  Only the owners of these start any.
    if (stopping_ && !shut_down_ && posted_slots_ == 0 && live_calls() == 0) {
      queue_->Shutdown();
      shut_down_ = true;
    }
  }
}

void CallQueue::ReadPass() {
  const UnixNanos end = clock_.Now() + kReadTimeMax;
  int empty_polls = 0;
  while (empty_polls < kEmptyPollsMax && clock_.Now() < end) {
    void* tag = nullptr;
    bool ok = false;
    if (queue_->AsyncNext(&tag, &ok, gpr_time_0(GPR_CLOCK_MONOTONIC)) ==
        grpc::CompletionQueue::GOT_EVENT) {
      empty_polls = 0;
      OnTag(tag, ok);
    } else {
      ++empty_polls;
    }
  }
}

void CallQueue::OnTag(void* next, bool ok) {
  if (next == nullptr) {
    stopping_ = true;
    return;
  }
  const GrpcTag& tag = *static_cast<GrpcTag*>(next);
  GrpcCallSlot* const slot = tag.slot;
  if (tag.event == GrpcEvent::kAccepted) {
    OnAccepted(slot, ok);
  } else if (slot->call->Handle(tag.event, ok)) {
    Delete(slot);
  }
}

void CallQueue::PostSlot() {
  auto* const slot = new GrpcCallSlot;
  ++posted_slots_;
  slot->context.AsyncNotifyWhenDone(&slot->done);
  service_.RequestCall(&slot->context, &slot->stream, queue_.get(),
                       queue_.get(), &slot->accepted);
}

void CallQueue::OnAccepted(GrpcCallSlot* slot, bool ok) {
  --posted_slots_;
  if (!ok) {
    // The server is shutting down, and no tag of this slot is on its way.
    delete slot;
    return;
  }
  PostSlot();
  live_calls_.fetch_add(1, std::memory_order_relaxed);
  const Method* const method = methods_.Find(slot->context.method());
  const UnixNanos now = clock_.Now();
  slot->call.emplace(*slot, clock_, now, method,
                     method != nullptr && method->stream
                         ? kNever
                         : SaturatingAdd(now, options_.call_time_max));
  methods_.Count(*slot->call, method);
  const bool has_slot =
      slots_.Take(slot->call->peer(), slot->call->is_about_server());
  if (refusing_.load(std::memory_order_relaxed)) {
    AddPushback(*slot->call, kPushback);
    slot->call->Fail(
        NotRun(EndedError(EndReason::kDraining, DeadlineStage::kArrival)));
  } else if (!slot->call->Authenticate(options_)) {
    slot->call->Fail(UnauthenticatedError());
  } else if (absl::Status s = slot->call->TakeOfPrincipal(); !s.ok()) {
    RefuseForPrincipal(*slot->call, s);
  } else if (!has_slot) {
    methods_.metrics().admission().CountShed(ShedCause::kLiveCalls);
    RefuseOverloaded(*slot->call, kPushback);
  } else {
    slot->call->Begin(lane_);
  }
}

void CallQueue::Delete(GrpcCallSlot* slot) {
  slots_.GiveBack(slot->call->peer(), slot->call->is_about_server());
  delete slot;
  live_calls_.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace latchkey
