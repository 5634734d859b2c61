#include "server/transport/grpc/call_queue.h"

#include <grpc/support/time.h>

#include <utility>

#include "server/base/check.h"
#include "server/base/error.h"
#include "server/runtime/deadline.h"

namespace latchkey {
namespace {

// Slots that wait for an RPC on each queue.  An RPC that finds none waits under
// a lock that all queues share.  One slot is a few kilobytes.
constexpr int kSlotsPosted = 64;

// How long a client should wait before it asks again, when the server drains:
// until it has learnt that this connection ends.
constexpr char kRetryPushbackMs[] = "200";

}  // namespace

CallQueue::CallQueue(std::unique_ptr<grpc::ServerCompletionQueue> queue,
                     grpc::AsyncGenericService& service,
                     const MethodTable& methods, const Clock& clock)
    : queue_(std::move(queue)),
      service_(service),
      methods_(methods),
      clock_(clock) {}

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
  bool stopping = false;
  void* next = nullptr;
  bool ok = false;
  while (queue_->Next(&next, &ok)) {
    if (next == nullptr) {
      stopping = true;
    } else {
      const GrpcTag& tag = *static_cast<GrpcTag*>(next);
      GrpcCallSlot* const slot = tag.slot;
      if (tag.event == GrpcEvent::kAccepted) {
        OnAccepted(slot, ok);
      } else if (slot->call->Handle(tag.event, ok)) {
        delete slot;
        live_calls_.fetch_sub(1, std::memory_order_relaxed);
      }
    }
    // The library aborts the process when an operation is started on a queue
    // that was shut down.  Only the owners of these start any.
    if (stopping && posted_slots_ == 0 && live_calls() == 0) {
      queue_->Shutdown();
      stopping = false;
    }
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
  slot->call.emplace(*slot, clock_, clock_.Now());
  if (refusing_.load(std::memory_order_relaxed)) {
    methods_.Route(*slot->call);
    slot->call->AddTrailer("grpc-retry-pushback-ms", kRetryPushbackMs);
    // True of a read as well; only the handlers know which calls write.
    slot->call->Fail(
        WithMetadata(EndedError(EndReason::kDraining, DeadlineStage::kArrival),
                     "applied", "no"));
    return;
  }
  slot->call->Begin(methods_);
}

}  // namespace latchkey
