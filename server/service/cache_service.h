// CacheService answers every RPC of latchkey.v1.Cache: decode, validate, call
// the store, encode.  It knows no transport.
//
// A handler of bounded work finishes its call before it returns, on the calling
// thread, and never waits.  What asks for more (bulk_lane.h) does so on a
// thread of the bulk lane; there a large BatchGet is divided among idle threads
// of the lane.  Every error of a write carries metadata `applied`: `no`, since
// an error of the store means that nothing was changed, or `unknown` where an
// earlier copy may have been applied.  A Get with `touch` is a write.
//
// A write with an idempotency key takes effect once: see Store::WriteOnce().
// Metadata `latchkey-stamp` of the request is the stamp that its client held
// before its first attempt, or "?" to ask for one; the answer has the server's
// present stamp in its trailers, and `latchkey-replayed: 1` where it was
// decided by an earlier copy.
//
// Scan is answered by a ScanHandler.
//
// A Get that waits for another caller's lease is finished later, by a
// LeaseWait.
//
// Thread safety: handlers may run on any number of threads at once.
//
// Example:
//   CacheService cache(store, clock, ServiceOptions{}, &bulk);
//   MethodTable methods;
//   cache.Register(methods);

#ifndef LATCHKEY_SERVER_SERVICE_CACHE_SERVICE_H_
#define LATCHKEY_SERVER_SERVICE_CACHE_SERVICE_H_

#include <span>
#include <string_view>

#include "absl/status/statusor.h"
#include "google/protobuf/message_lite.h"
#include "latchkey/v1/cache.pb.h"
#include "server/base/clock.h"
#include "server/base/executor.h"
#include "server/rpc/method_table.h"
#include "server/runtime/worker_pool.h"
#include "server/service/access_check.h"
#include "server/service/bulk_lane.h"
#include "server/service/decode.h"
#include "server/service/options.h"
#include "server/service/request_parsing.h"
#include "server/store/store.h"

namespace latchkey {

class CacheService {
 public:
  // The name that clients, health and reflection know it by.
  static constexpr char kName[] = "latchkey.v1.Cache";

  // All must outlive the service.  Where `bulk` is null, all requests run on
  // the calling thread, of whatever size; where `wakes` is, calls that waited
  // for a lease are answered on the thread that ended it.
  CacheService(Store& store, const Clock& clock, const ServiceOptions& options,
               WorkerPool* bulk = nullptr, Executor* wakes = nullptr);

  CacheService(const CacheService&) = delete;
  CacheService& operator=(const CacheService&) = delete;

  // Adds all methods.  The service must outlive the calls made through them.
  void Register(MethodTable& methods);

 private:
  // A response, in the arena of the request, or an error; null where the call
  // waits, and is not to be touched.
  using Answer = absl::StatusOr<const google::protobuf::MessageLite*>;

  // One call on its way through a handler.
  struct Context {
    Call& call;
    RequestArena arena = {};
    // A write with an idempotency key.
    bool keyed = false;
  };
  using Handler = Answer (CacheService::*)(std::string_view bytes,
                                           Context& context);

  // Answers a call whose request has the usual form.  Returns false, and has
  // done nothing, where it has another or is not allowed: that is for the
  // Handler.
  using HotHandler = bool (CacheService::*)(Call& call, std::string_view bytes);

  enum class Kind { kRead, kWrite };

  // How the calls of a method are answered.
  struct Way {
    Kind kind;
    Handler handler;
    HotHandler hot = nullptr;
  };

  // `lists` are those of the request; see bulk_lane.h.
  void Add(MethodTable& methods, std::string_view name, const Way& way,
           OperationLists lists = {});

  // Answers on this thread.
  void Run(Call& call, const Way& way, std::string_view bytes);
  // Has Run() done by the bulk lane.
  void RunInBulk(Call& call, const Way& way, std::string_view bytes);
  void Finish(Context& context, Kind kind, const Answer& answer) const;

  Answer Get(std::string_view bytes, Context& context);
  Answer GetOrLease(const v1::GetRequest& request, const GetOperation& get,
                    Context& context);
  Answer BatchGet(std::string_view bytes, Context& context);
  // Reads on as many threads of the bulk lane as are idle.
  absl::StatusOr<BatchGetResult> ReadInParts(
      std::span<const std::string_view> keys, DeadlineToken token);
  Answer Transact(std::string_view bytes, Context& context);
  Answer GetOutcome(std::string_view bytes, Context& context);

  bool HotGet(Call& call, std::string_view bytes);
  bool HotPut(Call& call, std::string_view bytes);
  bool HotBatchGet(Call& call, std::string_view bytes);

  // Encoding many values takes long enough to look once more.
  absl::Status CheckBeforeEncode(DeadlineToken token) const;

  // Put, Delete, Increment, Touch, Move, Transfer.
  template <typename Request, typename Response>
  Answer WriteOne(std::string_view bytes, Context& context);

  // As WriteOne, from the message on; also a Get with `touch`.
  template <typename Request, typename Response>
  Answer WriteParsed(Request& request, Context& context);

  // BatchPut, BatchDelete.
  template <typename Request, typename Response>
  Answer WriteBatch(std::string_view bytes, Context& context);

  // Runs the transaction that `request` asks for, once where it carries an
  // idempotency key.  Takes the key out of `request`.
  template <typename Request>
  absl::StatusOr<TransactionResult> Write(Request& request,
                                          Transaction transaction,
                                          Context& context);

  // Constant after construction, except the store, which synchronises itself.
  Store& store_;
  const Clock& clock_;
  const ServiceOptions options_;
  const Decoder decoder_;
  const AccessCheck access_;
  WorkerPool* const bulk_;
  Executor* const wakes_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SERVICE_CACHE_SERVICE_H_
