// NativeServer serves a MethodTable by gRPC over HTTP/2, with nghttp2 and Asio,
// and by gRPC-Web over HTTP/2 and HTTP/1.1 (Http1Session).
//
// One thread accepts connections and gives each to the worker with the fewest;
// there it stays, and the calls on it are read, answered and written by that
// thread.  One address has one server: a second one does not start.
//
// Ordinary unary calls pass nghttp2 by: see direct_path.h.
//
// A message over the limit is RESOURCE_EXHAUSTED; a unary request with no
// message or with several is UNIMPLEMENTED; a content type that is not gRPC's
// is HTTP's 415, a method other than POST its 405, a page that may not call its
// 403.  Messages may come as identity or gzip and are answered as identity.
//
// Thread safety: live_calls() and connections() from any thread; the rest
// belongs to the owner.
//
// Example:
//   NativeServer server({.host = "127.0.0.1"}, methods, clock);
//   absl::StatusOr<int> port = server.Start();
//   ...
//   server.Shutdown(10 * kNanosPerSecond);

#ifndef LATCHKEY_SERVER_TRANSPORT_NATIVE_NATIVE_SERVER_H_
#define LATCHKEY_SERVER_TRANSPORT_NATIVE_NATIVE_SERVER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/rpc/method_table.h"
#include "server/rpc/transport.h"
#include "server/transport/native/address_counts.h"
#include "server/transport/native/options.h"

namespace latchkey {

class Listener;
class Worker;

class NativeServer final : public Transport {
 public:
  // `methods` is complete; it and `clock` must outlive the server.
  NativeServer(NativeServerOptions options, const MethodTable& methods,
               const Clock& clock);
  ~NativeServer() override;

  NativeServer(const NativeServer&) = delete;
  NativeServer& operator=(const NativeServer&) = delete;

  absl::StatusOr<int> Start() override;
  void Shutdown(Nanos grace) override;
  int64_t live_calls() const override;
  std::optional<int64_t> connections() const override {
    return OpenConnections();
  }

 private:
  int OpenConnections() const;

  // Gives a new connection to a worker, or closes it where there are too many.
  void Place(int socket, std::string network);

  const NativeServerOptions options_;
  const MethodTable& methods_;
  const Clock& clock_;
  AddressCounts address_counts_;
  std::vector<std::unique_ptr<Worker>> workers_;
  // Runs on the first worker.
  std::unique_ptr<Listener> listener_;
  bool serving_ = false;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_TRANSPORT_NATIVE_NATIVE_SERVER_H_
