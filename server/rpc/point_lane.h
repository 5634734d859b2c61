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
#include "server/runtime/admission_queue.h"

namespace latchkey {

class PointLane {
 public:
  // Where a call waits; its transport keeps one for each.
  class Place : public AdmissionQueue::Item {
   private:
    friend class PointLane;

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
  // REQUIRES: method.unary is set; `request` and `place` live until the call
  // was finished or removed.
  void Admit(Place& place, const Method& method, Call& call,
             std::string_view request, UnixNanos now);

  // Forgets a call that waits.  REQUIRES: place.queued().
  void Remove(Place& place) { queue_.Remove(place); }

  // A pass is over: runs what waits, for a slice.
  void OnPass();

 private:
  void Run(const Method& method, Call& call, std::string_view request,
           UnixNanos now);
  void Refuse(Call& call, ShedCause cause);
  void RequestPass();

  // Constant after construction.
  const Clock& clock_;
  AdmissionMetrics& metrics_;
  const std::function<void()> request_pass_;

  AdmissionQueue queue_;
  // What was run since the sockets were read, by the smoothed time of a call.
  Nanos worked_ = 0;
  // Calls until one is measured again.
  int unmeasured_ = 0;
  bool pass_requested_ = false;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_POINT_LANE_H_
