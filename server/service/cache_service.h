// CacheService answers every RPC of latchkey.v1.Cache: decode, validate, call
// the store, encode.  It knows no transport.
//
// Each unary handler finishes its call before it returns, on the calling
// thread, and never waits.  Every error of a write carries metadata `applied`:
// `no`, since an error of the store means that nothing was changed, or
// `unknown` where an earlier copy may have been applied.  A Get with `touch` is
// a write.
//
// A write with an idempotency key takes effect once: see Store::WriteOnce().
// Metadata `latchkey-stamp` of the request is the stamp that its client held
// before its first attempt, or "?" to ask for one; the answer has the server's
// present stamp in its trailers, and `latchkey-replayed: 1` where it was
// decided by an earlier copy.
//
// Scan is answered by a ScanHandler.
//
// Leases belong to the contract but are not served yet: bad input is refused as
// ever, the rest is UNIMPLEMENTED with reason NOT_IMPLEMENTED and metadata
// `feature`.
//
// Thread safety: handlers may run on any number of threads at once.
//
// Example:
//   CacheService cache(store, clock, ServiceOptions{});
//   MethodTable methods;
//   cache.Register(methods);

#ifndef LATCHKEY_SERVER_SERVICE_CACHE_SERVICE_H_
#define LATCHKEY_SERVER_SERVICE_CACHE_SERVICE_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "google/protobuf/message_lite.h"
#include "latchkey/v1/cache.pb.h"
#include "server/base/clock.h"
#include "server/rpc/method_table.h"
#include "server/service/decode.h"
#include "server/service/options.h"
#include "server/service/request_parsing.h"
#include "server/store/store.h"

namespace latchkey {

class CacheService {
 public:
  // The name that clients, health and reflection know it by.
  static constexpr char kName[] = "latchkey.v1.Cache";

  // `store` and `clock` must outlive the service.
  CacheService(Store& store, const Clock& clock, const ServiceOptions& options);

  CacheService(const CacheService&) = delete;
  CacheService& operator=(const CacheService&) = delete;

  // Adds all methods.  The service must outlive the calls made through them.
  void Register(MethodTable& methods);

 private:
  // A response, in the arena of the request, or an error.
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
  // done nothing, where it has another: that is for the Handler.
  using HotHandler = bool (CacheService::*)(Call& call, std::string_view bytes);

  void AddRead(MethodTable& methods, std::string_view name, Handler handler,
               HotHandler hot = nullptr);
  void AddWrite(MethodTable& methods, std::string_view name, Handler handler,
                HotHandler hot = nullptr);
  // For tests of overload: as if a call took longer.
  void SpendTestServiceTime() const;
  void Finish(Context& context, const Answer& answer) const;

  Answer Get(std::string_view bytes, Context& context);
  Answer BatchGet(std::string_view bytes, Context& context);
  Answer Transact(std::string_view bytes, Context& context);
  Answer GetOutcome(std::string_view bytes, Context& context);

  bool HotGet(Call& call, std::string_view bytes);
  bool HotPut(Call& call, std::string_view bytes);
  bool HotBatchGet(Call& call, std::string_view bytes);

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
  absl::StatusOr<TransactionResult> Run(Request& request,
                                        const Transaction& transaction,
                                        Context& context);

  // Constant after construction, except the store, which synchronises itself.
  Store& store_;
  const Clock& clock_;
  const ServiceOptions options_;
  const Decoder decoder_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SERVICE_CACHE_SERVICE_H_
