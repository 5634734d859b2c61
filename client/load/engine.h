// Engine is how requests travel: an interface between the load loop, which
// decides what is sent and when, and the library that carries it.  Tests put an
// engine in virtual time behind it.
//
// A CallPort carries the calls of one thread.  It has a fixed number of slots,
// each of which holds one call at a time, and it is also that thread's clock,
// since it alone knows how to wait.
//
// Thread safety: Port() may be called from any thread; a port belongs to
// one thread at a time.

#ifndef LATCHKEY_CLIENT_LOAD_ENGINE_H_
#define LATCHKEY_CLIENT_LOAD_ENGINE_H_

#include <google/protobuf/message_lite.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "client/lib/call_error.h"
#include "client/lib/outcome.h"
#include "client/verify/method.h"

namespace latchkey::load {

// An instant or a length of time, in nanoseconds; instants count from a point
// of the engine's choice.
using Nanos = int64_t;

inline constexpr Nanos kForever = INT64_MAX;
inline constexpr Nanos kNanosPerMicro = 1'000;
inline constexpr Nanos kNanosPerMilli = 1'000'000;
inline constexpr Nanos kNanosPerSecond = 1'000'000'000;

using verify::IsWrite;
using verify::Method;

// What a call is about.
struct Call {
  Method method = Method::kGet;
  // The request of that method; read before Start() returns.
  const google::protobuf::MessageLite* request = nullptr;
  // GetOutcome: the stamp of the write that it asks about, where it had one.
  std::string_view stamp = {};
};

// A call that has ended.  What it points to lives until the slot's next call or
// the port's next Poll().
struct Completion {
  size_t slot = 0;
  // Why it failed; null for an OK answer.
  const client::CallError* error = nullptr;
  // The response message in wire format; empty for an error.
  std::string_view response;
  // What is known of its effect.
  client::Outcome outcome = client::Outcome::kOk;
  // Copies that were sent, and those of them that were sent while an earlier
  // one was under way.
  int attempts = 1;
  int hedges = 0;
  // The server had answered an earlier copy, and this is that answer.
  bool replayed = false;
  // Of a keyed write, whether the request had it or the engine made it; else
  // empty.
  std::string_view idempotency_key;
  // Of a keyed write that carried one; else empty.
  std::string_view stamp = {};
};

class CallPort {
 public:
  virtual ~CallPort() = default;

  // The present instant; never goes back.
  virtual Nanos Now() = 0;

  // Sends a call.  It ends with DEADLINE_EXCEEDED after the engine's timeout.
  //
  // REQUIRES: `slot` holds no call.
  virtual void Start(size_t slot, const Call& call) = 0;

  // Gives up on the call of `slot`, which ends soon, as CANCELLED if its answer
  // is not there yet.
  //
  // REQUIRES: `slot` holds a call, and the port can do it.
  virtual void Cancel(size_t /*slot*/) {}

  // Waits until a call has ended or `until` has come.
  virtual std::optional<Completion> Poll(Nanos until) = 0;
};

class Engine {
 public:
  virtual ~Engine() = default;

  // Waits until the server can be reached; an error says why it cannot.
  virtual absl::Status Connect(Nanos patience) = 0;

  // The port of one thread, 0 .. threads - 1, and how many slots it has.
  virtual CallPort& Port(size_t thread) = 0;
  virtual size_t SlotCount(size_t thread) const = 0;
};

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_ENGINE_H_
