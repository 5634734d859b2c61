// CallQueue is one completion queue of the gRPC library with the one thread
// that serves it.  An RPC lives on the queue that accepted it.
//
// Thread safety: live_calls() and StartRefusing() from any thread; the rest
// belongs to the owner.
//
// Lifetime: Start() once the grpc::Server runs, Stop() once it was shut down.

#ifndef LATCHKEY_SERVER_TRANSPORT_GRPC_CALL_QUEUE_H_
#define LATCHKEY_SERVER_TRANSPORT_GRPC_CALL_QUEUE_H_

#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/async_generic_service.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>

#include "server/base/clock.h"
#include "server/rpc/method_table.h"
#include "server/rpc/point_lane.h"
#include "server/transport/grpc/call_slots.h"
#include "server/transport/grpc/grpc_call.h"
#include "server/transport/grpc/options.h"

namespace latchkey {

class CallQueue {
 public:
  // All references must outlive the queue.
  CallQueue(std::unique_ptr<grpc::ServerCompletionQueue> queue,
            grpc::AsyncGenericService& service, const MethodTable& methods,
            const Clock& clock, const GrpcServerOptions& options,
            CallSlots& slots);

  // REQUIRES: was never started, or was stopped.
  ~CallQueue();

  CallQueue(const CallQueue&) = delete;
  CallQueue& operator=(const CallQueue&) = delete;

  // Starts the thread, which accepts calls.
  void Start();

  // Waits until all calls are over and ends the thread.
  //
  // REQUIRES: the grpc::Server was shut down.
  void Stop();

  // From now on new calls are refused with UNAVAILABLE, DRAINING.  From any
  // thread.
  void StartRefusing() { refusing_.store(true, std::memory_order_relaxed); }

  // Calls that were accepted and are not over.
  int64_t live_calls() const {
    return live_calls_.load(std::memory_order_relaxed);
  }

 private:
  void Run();
  // Takes what the library has to tell, until there is nothing more or a slice
  // of time is over.
  void ReadPass();
  void OnTag(void* tag, bool ok);
  void PostSlot();
  void OnAccepted(GrpcCallSlot* slot, bool ok);
  void Delete(GrpcCallSlot* slot);

  // Constant after construction.
  const std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  grpc::AsyncGenericService& service_;
  const MethodTable& methods_;
  const Clock& clock_;
  const GrpcServerOptions& options_;
  CallSlots& slots_;

  // Synchronises itself.
  // Wakes the thread for Stop(); its tag is the only one that is null.
  grpc::Alarm stop_alarm_;
  // A flag that says nothing about other fields: relaxed is enough.
  std::atomic<bool> refusing_ = false;
  // Written by the queue's thread only, and read as a statistic.
  std::atomic<int64_t> live_calls_ = 0;

  // Belongs to the queue's thread.
  int posted_slots_ = 0;
  bool stopping_ = false;
  bool shut_down_ = false;
  bool pass_requested_ = false;
  PointLane lane_;

  std::thread thread_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_TRANSPORT_GRPC_CALL_QUEUE_H_
