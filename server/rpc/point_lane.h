// PointLane runs the unary calls that one thread of a transport has read: at
// once while there is time, else from an AdmissionQueue, so that a wait is seen
// where it would otherwise be hidden in a socket.
//
// The thread works in passes: it reads everything that is readable, then runs
// what waits for a slice of time, and reads again.  So who is refused learns it
// within about a slice, however busy the thread is.  What comes while nothing
// waits, and this pass has not used up its slice, runs as it is read.
//
//   read -> Admit() -> runs | waits -> OnPass() -> runs | ended | shed
//
// Calls of a client that takes more than its share wait in a queue of their
// own, behind all others: if it stands, only they are refused.
//
// Calls of methods that answer about the server itself are not admitted but
// run: their number is bounded by their own slots.
//
// Thread safety: an instance belongs to the transport's thread.

#ifndef LATCHKEY_SERVER_RPC_POINT_LANE_H_
#define LATCHKEY_SERVER_RPC_POINT_LANE_H_

#include <functional>
#include <string_view>

#include "server/base/clock.h"
#include "server/rpc/admission_metrics.h"
#include "server/rpc/call.h"
#include "server/rpc/method_table.h"
#include "server/rpc/peer_loads.h"
#include "server/runtime/admission_queue.h"

namespace latchkey {

class PointLane {
 public:
  // Where a call waits; its transport keeps one for each.
  class Place : public AdmissionQueue::Item {
   public:
    // Whose call it is, set before it is admitted; null over a transport that
    // does not count.
    PeerLoads::Load* load = nullptr;

   private:
    friend class PointLane;

    // Which queue it is in.
    bool heavy_ = false;

    const Method* method_ = nullptr;
    Call* call_ = nullptr;
    std::string_view request_;
  };

  // `request_pass` makes OnPass() be called when the thread has read all that
  // was readable by then; it is called at most once before each.  All
  // references must outlive the lane.
  PointLane(const Clock& clock, AdmissionMetrics& metrics,
            std::function<void()> request_pass);

  PointLane(const PointLane&) = delete;
  PointLane& operator=(const PointLane&) = delete;

  // Runs the call, or lets it wait in `place`, or refuses it.
  //
  // REQUIRES: method.unary is set; `request` and `place` live
  // until the call was finished or removed.
  void Admit(Place& place, const Method& method, Call& call,
             std::string_view request, UnixNanos now);

  // Forgets a call that waits.  REQUIRES: place.queued().
  void Remove(Place& place) { QueueOf(place).Remove(place); }

  // A pass is over: runs what waits, for a slice.
  void OnPass();

  // Who takes how much of the thread.
  PeerLoads& loads() { return loads_; }

  // Whether calls wait of clients that take no more than their share.
  bool others_wait() const { return !queue_.empty(); }

  // What was run since the last pass, in CPU time.
  Nanos worked() const { return worked_; }

 private:
  void Run(AdmissionQueue& queue, const Method& method, Call& call,
           std::string_view request, UnixNanos now);
  // Queues the call, or refuses it.
  void Offer(Place& place, UnixNanos arrival, UnixNanos now);
  // Runs or ends what was taken from `queue` at `now`; returns what time it is
  // then.
  UnixNanos Settle(AdmissionQueue& queue, const AdmissionQueue::Taken& taken,
                   UnixNanos now);
  void Refuse(AdmissionQueue& queue, Call& call, ShedCause cause);
  bool IsHeavy(const Place& place) const {
    return place.load != nullptr && loads_.IsHeavy(*place.load);
  }
  AdmissionQueue& QueueOf(const Place& place) {
    return place.heavy_ ? heavy_queue_ : queue_;
  }
  void RequestPass();

  // Constant after construction.
  const Clock& clock_;
  AdmissionMetrics& metrics_;
  const std::function<void()> request_pass_;

  PeerLoads loads_;
  AdmissionQueue queue_;
  AdmissionQueue heavy_queue_;
  // What was run since the sockets were read, by the smoothed time of a call.
  Nanos worked_ = 0;
  // Calls until one is measured again.
  int unmeasured_ = 0;
  bool pass_requested_ = false;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_POINT_LANE_H_
