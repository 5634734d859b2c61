// LogicalCall is one call of a user: it sends the copies that its RetrySchedule
// asks for and hands the first answer that counts to the user, once.  What is
// sent and received is the business of the derived class.
//
// Every copy of a call carries the same request (so the same idempotency key),
// the same stamp and the same deadline, and how many copies went before it.
//
// Lifetime: by shared_ptr.  Each copy and timer holds one, so the call is
// destroyed when all of them have ended, cancelled losers too; the registry
// knows it until then.
//
// Thread safety: all methods may be called from any thread.  Complete() runs on
// a thread of gRPC, or on the one that cancelled, with no lock held.

#ifndef LATCHKEY_CLIENT_LIB_LOGICAL_CALL_H_
#define LATCHKEY_CLIENT_LIB_LOGICAL_CALL_H_

#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/lib/call_error.h"
#include "client/lib/client_core.h"
#include "client/lib/clock.h"
#include "client/lib/mutex.h"
#include "client/lib/outcome.h"
#include "client/lib/retry_schedule.h"
#include "client/lib/timer.h"

namespace latchkey::client {

// What every call has to say at its end.
struct CallResult {
  bool ok() const { return error.code == grpc::StatusCode::OK; }

  // Code OK: none.
  CallError error;
  Outcome outcome = Outcome::kUnknown;
  // How many copies were sent.  0: the call ended before the first.
  int attempts = 0;
  // How many of them while an earlier one was under way.
  int hedges = 0;
  // The server had answered an earlier copy, and this is that answer.
  bool replayed = false;
  // Of a keyed write, for GetOutcome; else empty.
  std::string idempotency_key;
  std::string stamp;
};

class LogicalCall : public std::enable_shared_from_this<LogicalCall> {
 public:
  struct Options {
    RetrySchedule::Options schedule;
    // Whether the call can change anything.
    bool changes = false;
    // Of a keyed write; else empty.
    std::string idempotency_key;
    // To be sent; empty: a keyed write takes the newest.
    std::string stamp;
  };

  virtual ~LogicalCall();

  LogicalCall(const LogicalCall&) = delete;
  LogicalCall& operator=(const LogicalCall&) = delete;

  // Sends the first copy; a keyed write pins its stamp now.  Does nothing when
  // the call has been ended.
  void Start();

  // Ends the call with `error` if it has not ended, and cancels its copies.
  void End(const CallError& error);
  void Cancel();

 protected:
  // One time that the request is sent.
  struct Copy {
    virtual ~Copy() = default;
    grpc::ClientContext context;
    // Whether it asks for a stamp.
    bool asks = false;
  };

  // `core` must outlive the call.
  LogicalCall(ClientCore& core, Options options);

  virtual std::unique_ptr<Copy> MakeCopy() = 0;

  // Sends `copy` and sees to it that OnCopyDone() is called once.
  virtual void SendCopy(Copy& copy) = 0;

  // The call has ended, for good with `winner`'s answer; none: before any.
  // Called once.
  virtual void Complete(CallResult result, Copy* winner) = 0;

  void OnCopyDone(Copy& copy, const grpc::Status& status);

  // A part of the answer has been given to the user.
  void StopRepeating();

 private:
  // What is left to do when the mutex is free again.
  struct Todo {
    Copy* send = nullptr;
    // Cancelled by its destruction, before all else.
    std::unique_ptr<Timer> old_timer;
    std::vector<Copy*> cancel;
    std::optional<CallResult> result;
  };

  void OnTimer();
  void LearnStamp(Copy& copy, const CallError& error, TimePoint now);

  Todo FollowLocked(const RetrySchedule::Step& step)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Todo FinishLocked(const CallError& error, const Copy* winner)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Copy* AddCopyLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Do(Todo todo, Copy* winner);

  // Constant after construction.
  ClientCore& core_;
  const Options options_;

  Mutex mutex_;
  RetrySchedule schedule_ ABSL_GUARDED_BY(mutex_);
  OutcomeTally tally_ ABSL_GUARDED_BY(mutex_);
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::string stamp_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Timer> timer_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<Copy>> copies_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace latchkey::client

#endif  // LATCHKEY_CLIENT_LIB_LOGICAL_CALL_H_
