// Client is Latchkey for C++ programs: every RPC of latchkey.v1.Cache, blocking
// and asynchronous, with what makes a write exactly-once from the caller's
// side.
//
//   Deadline     Every call has one, for all its copies together; 1 s unless
//                told otherwise.
//   Retries      UNAVAILABLE only, at most 5 copies, full jitter, a budget over
//                all calls (retry_schedule.h, retry_budget.h).  Never a call
//                that changes something and has no idempotency key: a write
//                with CallOptions::keyed off, a Get with `touch` or `lease`.
//   Keys         Each write gets an idempotency key of its own
//   (key_generator.h),
//                the same on every copy, unless the request has one already.
//   Stamps       Each keyed write carries the stamp held before its first copy
//                (stamp_keeper.h).  Answers to writes bring new ones, and reads
//                ask for one when there is need.  When there is none, or a
//                stale one, the write first asks GetOutcome for its own key:
//                the one call that reads no entry, so it costs the same
//                whatever the value's size, touches no eviction order, and
//                needs no key that could be someone's.  If that call fails as a
//                write could, the write ends with its error, and nothing has
//                been sent.  If the server answers without a stamp, the write
//                goes without, and its promise holds within the ledger's window
//                and one life of the server.  Several writes that find no stamp
//                each ask.
//   Hedges       With hedge_delay, a second copy of a read or keyed write that
//                has not been answered for so long; the first good answer wins.
//   Outcome      Ok, NotApplied or Unknown (outcome.h).
//
// Threads: all methods may be called from any thread.  A callback runs once, on
// a thread of gRPC, with no lock held; it may start calls, but must not block
// (so no blocking method either).
//
// End: the destructor ends the calls under way with CANCELLED, their outcome
// Unknown where they sent anything, and returns when all callbacks have. It
// must not run inside one, nor while another thread is in a method.
//
// Example:
//   Client client("127.0.0.1:7411");
//   v1::PutRequest put;
//   put.set_key("k");
//   put.set_value("v");
//   const Result<v1::PutResponse> result = client.Put(put);
//   if (result.outcome == Outcome::kUnknown) {
//     // Ask GetOutcome for result.idempotency_key, with result.stamp.
//   }

#ifndef LATCHKEY_CLIENT_LIB_CLIENT_H_
#define LATCHKEY_CLIENT_LIB_CLIENT_H_

#include <grpcpp/channel.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "client/lib/clock.h"
#include "client/lib/logical_call.h"
#include "client/lib/random.h"
#include "client/lib/timer.h"
#include "latchkey/v1/cache.grpc.pb.h"

namespace latchkey::client {

struct CallOptions {
  // From now to the answer, retries included.  None: ClientOptions::deadline.
  std::optional<Duration> deadline;
  // None: ClientOptions::hedge_delay.
  std::optional<Duration> hedge_delay;
  // false: one copy, no retry and no hedge.
  bool repeat = true;
  // false: a write without a key of its own gets none, and is sent once.
  bool keyed = true;
  // CallResult::stamp of the write that GetOutcome asks about, or that is sent
  // once more under its key; empty: the call is the first of its write.
  std::string stamp = {};
};

struct ClientOptions {
  Duration deadline = std::chrono::seconds(1);
  // None: no hedges.  A good value is the 95th percentile of the latency.
  std::optional<Duration> hedge_delay;
  // How long the server's ledger remembers; not more than its own setting.
  Duration ledger_window = std::chrono::seconds(120);

  // Of the caller, and must outlive the Client; null: those of the machine.
  const Clock* clock = nullptr;
  RandomSource* random = nullptr;
  TimerFactory* timers = nullptr;
};

template <typename Response>
struct Result : CallResult {
  // Default where there is an error.
  Response response;
};

template <typename Response>
using Callback = std::function<void(Result<Response>)>;

class Client {
 public:
  // Connects to `address`, HOST:PORT, with the first call.
  explicit Client(const std::string& address,
                  const ClientOptions& options = {});

  // REQUIRES: the channel does not retry itself (ChannelOptions::retries).
  explicit Client(const std::shared_ptr<grpc::Channel>& channel,
                  const ClientOptions& options = {});

  ~Client();

  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  Result<v1::GetResponse> Get(v1::GetRequest request,
                              const CallOptions& options = {});
  Result<v1::BatchGetResponse> BatchGet(v1::BatchGetRequest request,
                                        const CallOptions& options = {});
  Result<v1::PutResponse> Put(v1::PutRequest request,
                              const CallOptions& options = {});
  Result<v1::BatchPutResponse> BatchPut(v1::BatchPutRequest request,
                                        const CallOptions& options = {});
  Result<v1::DeleteResponse> Delete(v1::DeleteRequest request,
                                    const CallOptions& options = {});
  Result<v1::BatchDeleteResponse> BatchDelete(v1::BatchDeleteRequest request,
                                              const CallOptions& options = {});
  Result<v1::IncrementResponse> Increment(v1::IncrementRequest request,
                                          const CallOptions& options = {});
  Result<v1::TouchResponse> Touch(v1::TouchRequest request,
                                  const CallOptions& options = {});
  Result<v1::MoveResponse> Move(v1::MoveRequest request,
                                const CallOptions& options = {});
  Result<v1::TransferResponse> Transfer(v1::TransferRequest request,
                                        const CallOptions& options = {});
  Result<v1::TransactResponse> Transact(v1::TransactRequest request,
                                        const CallOptions& options = {});
  Result<v1::GetOutcomeResponse> GetOutcome(v1::GetOutcomeRequest request,
                                            const CallOptions& options = {});

  void GetAsync(v1::GetRequest request, const CallOptions& options,
                Callback<v1::GetResponse> done);
  void BatchGetAsync(v1::BatchGetRequest request, const CallOptions& options,
                     Callback<v1::BatchGetResponse> done);
  void PutAsync(v1::PutRequest request, const CallOptions& options,
                Callback<v1::PutResponse> done);
  void BatchPutAsync(v1::BatchPutRequest request, const CallOptions& options,
                     Callback<v1::BatchPutResponse> done);
  void DeleteAsync(v1::DeleteRequest request, const CallOptions& options,
                   Callback<v1::DeleteResponse> done);
  void BatchDeleteAsync(v1::BatchDeleteRequest request,
                        const CallOptions& options,
                        Callback<v1::BatchDeleteResponse> done);
  void IncrementAsync(v1::IncrementRequest request, const CallOptions& options,
                      Callback<v1::IncrementResponse> done);
  void TouchAsync(v1::TouchRequest request, const CallOptions& options,
                  Callback<v1::TouchResponse> done);
  void MoveAsync(v1::MoveRequest request, const CallOptions& options,
                 Callback<v1::MoveResponse> done);
  void TransferAsync(v1::TransferRequest request, const CallOptions& options,
                     Callback<v1::TransferResponse> done);
  void TransactAsync(v1::TransactRequest request, const CallOptions& options,
                     Callback<v1::TransactResponse> done);
  void GetOutcomeAsync(v1::GetOutcomeRequest request,
                       const CallOptions& options,
                       Callback<v1::GetOutcomeResponse> done);

  // Takes one message of a scan; false ends the scan with CANCELLED.  Runs on a
  // thread of gRPC, one message at a time, and may block the scan but no other
  // call.
  using PageCallback = std::function<bool(v1::ScanResponse)>;

  // A scan is retried until its first message, never hedged.  One that breaks
  // later is continued by the caller, with the last message's resume_token.
  // Most scans want a longer deadline.
  CallResult Scan(v1::ScanRequest request, const CallOptions& options,
                  PageCallback on_page);
  void ScanAsync(v1::ScanRequest request, const CallOptions& options,
                 PageCallback on_page, std::function<void(CallResult)> done);

 private:
  using Stub = v1::Cache::StubInterface::async_interface;

  template <typename Request, typename Response>
  using StubMethod = void (Stub::*)(grpc::ClientContext*, const Request*,
                                    Response*,
                                    std::function<void(grpc::Status)>);

  template <typename Request, typename Response>
  using AsyncMethod = void (Client::*)(Request, const CallOptions&,
                                       Callback<Response>);

  template <typename Request, typename Response>
  Result<Response> Wait(AsyncMethod<Request, Response> method, Request request,
                        const CallOptions& options);

  template <typename Request, typename Response>
  void StartCall(StubMethod<Request, Response> method, Request request,
                 const CallOptions& options, Callback<Response> done);

  // Asks for a stamp in the name of `write`, then starts it.
  void StartWithNewStamp(const std::shared_ptr<LogicalCall>& write,
                         const std::string& idempotency_key,
                         const RetrySchedule::Options& schedule);

  RetrySchedule::Options ScheduleOptions(const CallOptions& options) const;

  // Constant after construction.
  const ClientOptions options_;
  const std::unique_ptr<v1::Cache::Stub> stub_;

  // Synchronise themselves.
  SystemClock system_clock_;
  SystemRandom system_random_;
  AlarmTimerFactory alarm_timers_;
  ClientCore core_;
};

}  // namespace latchkey::client

#endif  // LATCHKEY_CLIENT_LIB_CLIENT_H_
