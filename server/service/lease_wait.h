// LeaseWait is one Get that waits for another caller's lease: no thread, but a
// place in the queue of its key (server/store/lease_table.h) and a subscription
// to its token.  It deletes itself when the wait is over.
//
// Thread safety: Start() once; the rest happens on whatever thread ends the
// wait, or on the executor.

#ifndef LATCHKEY_SERVER_SERVICE_LEASE_WAIT_H_
#define LATCHKEY_SERVER_SERVICE_LEASE_WAIT_H_

#include <functional>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/base/executor.h"
#include "server/rpc/call.h"
#include "server/runtime/deadline.h"
#include "server/store/store.h"

namespace latchkey {

class LeaseWait final : public LeaseWaiter {
 public:
  // How the wait ended: the answer, or why there is none.
  using Done = std::function<void(const absl::StatusOr<LeasedGet>& answer)>;

  // Where the wait begins, returns an answer that says so; `done` is called
  // when it is over, perhaps before this returns.  Otherwise returns what
  // Store::GetOrLease() did, and `done` never is.
  //
  // Who is woken by a write is answered on `executor`, where it is not null: so
  // that a writer does not answer for a thousand others first, and no
  // connection's thread is entered from inside another call of its own.
  //
  // REQUIRES: `get` and the call live until this returned; the call lives until
  // `done` was called.
  static absl::StatusOr<LeasedGet> Start(Store& store, const Clock& clock,
                                         Executor* executor, Call& call,
                                         const GetOperation& get,
                                         const LeaseDemand& demand, Done done);

 private:
  LeaseWait(Store& store, const Clock& clock, Executor* executor, Call& call,
            const GetOperation& get, Done done);

  void Wake(LeaseNews news) override;
  void OnEnd();
  void Finish(const absl::StatusOr<LeasedGet>& answer);

  // Constant after construction.
  Store& store_;
  const Clock& clock_;
  Executor* const executor_;
  const DeadlineToken token_;
  const uint64_t if_version_not_;
  const Done done_;

  // Belongs to whoever took the wait out of its queue.
  LeasedGet answer_;
  bool draining_ = false;
  std::optional<EndSubscription> end_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SERVICE_LEASE_WAIT_H_
