// MethodTable maps the path of a method to its handler, and counts what becomes
// of its calls.  It is filled once, by the services, and then only read by the
// transports.
//
// Thread safety: Find() and Dispatch() may be called from any thread once all
// methods were added.

#ifndef LATCHKEY_SERVER_RPC_METHOD_TABLE_H_
#define LATCHKEY_SERVER_RPC_METHOD_TABLE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "server/base/clock.h"
#include "server/rpc/call.h"
#include "server/rpc/rpc_metrics.h"

namespace latchkey {

// The server's side of one streaming call.  The transport calls the methods one
// after the other and destroys the handler after OnDone().
class StreamHandler {
 public:
  virtual ~StreamHandler() = default;

  // The answer to Call::Receive().  `message` lives until this returns.
  virtual void OnMessage(std::string_view message) = 0;

  // The other answer to Call::Receive(): the client sends no more.
  virtual void OnHalfClose() = 0;

  // The answer to Call::Send(): the next message may be sent.
  virtual void OnSent() {}

  // The client cancelled, its deadline passed, or the connection was lost.
  // Comes at most once, and the handler still has to finish the call; none of
  // the above follows.
  virtual void OnCancel() = 0;

  // The call is over: it was finished, and nothing else will be called.
  virtual void OnDone() {}
};

// Answers a unary call, or arranges for it.  `request` is the serialized
// request and lives until the call is finished.
using UnaryHandler = std::function<void(Call& call, std::string_view request)>;

// Begins a streaming call.  The handler calls Receive() and Send() on `call`
// from its methods; both may be called in here.
using StreamHandlerFactory =
    std::function<std::unique_ptr<StreamHandler>(Call& call)>;

// Which limits the calls of a method come under.
enum class MethodClass : uint8_t {
  // They are the server's work: they wait for their turn, and are refused where
  // there is too much of it.
  kWork,
  // They ask about the server itself, as its health: they have slots of their
  // own, so that a server which is full still answers them.
  kAboutServer,
  // As kAboutServer, and open to anybody: a load balancer has no token.
  kOpen,
};

// One of the first two is set.
struct Method {
  UnaryHandler unary;
  StreamHandlerFactory stream;
  // Where its calls are counted.
  MethodMetrics* metrics = nullptr;
  bool about_server = false;
  // Whether a call needs no token where the server has tokens.
  bool is_open = false;
};

class MethodTable {
 public:
  // REQUIRES: `path` ("/package.Service/Method") was not added before.
  void AddUnary(std::string_view path, UnaryHandler handler,
                MethodClass method_class = MethodClass::kWork);
  void AddStream(std::string_view path, StreamHandlerFactory factory,
                 MethodClass method_class = MethodClass::kWork);

  // The method of `path`, or nullptr: answer UnknownMethodError().
  const Method* Find(std::string_view path) const;

  // Counts a call that just came under its `method`, as Find() said, whatever
  // becomes of it, also where it never reaches its handler.
  void Count(Call& call, const Method* method) const;

  const RpcMetrics& metrics() const { return metrics_; }

 private:
  RpcMetrics metrics_;
  absl::flat_hash_map<std::string, Method> methods_;
};

// UNIMPLEMENTED for a path that no service added.
absl::Status UnknownMethodError(std::string_view path);

// Runs a unary handler, unless the call ended on its way: an expired one is
// answered with EXPIRED_ON_ARRIVAL and never reaches its handler.
//
// REQUIRES: method.unary is set.
void DispatchUnary(const Method& method, Call& call, std::string_view request,
                   UnixNanos now);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_METHOD_TABLE_H_
