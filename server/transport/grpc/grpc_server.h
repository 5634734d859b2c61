// GrpcServer serves a MethodTable over the gRPC C++ library.
//
// It uses the library's asynchronous generic interface: one completion queue
// for each thread, and no thread beside them runs a handler.  The callback
// interface sizes a pool of its own by the machine, so that a number of threads
// could not be honoured.
//
// A message over the limit is answered by the library, with RESOURCE_EXHAUSTED
// and no details.  A unary request without a message is UNIMPLEMENTED; what
// follows the first message is not read.
//
// Thread safety: live_calls() and connections() from any thread; the rest
// belongs to the owner.
//
// Example:
//   GrpcServer server({.listen_address = "127.0.0.1:0"}, methods, clock);
//   absl::StatusOr<int> port = server.Start();
//   ...
//   server.Shutdown(10 * kNanosPerSecond);

#ifndef LATCHKEY_SERVER_TRANSPORT_GRPC_GRPC_SERVER_H_
#define LATCHKEY_SERVER_TRANSPORT_GRPC_GRPC_SERVER_H_

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/rpc/method_table.h"
#include "server/rpc/transport.h"
#include "server/transport/grpc/call_queue.h"
#include "server/transport/grpc/call_slots.h"
#include "server/transport/grpc/options.h"

namespace latchkey {

class GrpcServer final : public Transport {
 public:
  // `methods` is complete; it and `clock` must outlive the server.
  GrpcServer(GrpcServerOptions options, const MethodTable& methods,
             const Clock& clock);

  ~GrpcServer() override;

  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;

  absl::StatusOr<int> Start() override;
  void Shutdown(Nanos grace) override;
  int64_t live_calls() const override;
  // The library does not tell.
  std::optional<int64_t> connections() const override { return std::nullopt; }

 private:
  const GrpcServerOptions options_;
  CallSlots slots_{options_};
  const MethodTable& methods_;
  const Clock& clock_;
  // Asked by server_ until its end.
  const std::shared_ptr<grpc::ServerCredentials> credentials_;
  grpc::AsyncGenericService service_;
  std::vector<std::unique_ptr<CallQueue>> queues_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_TRANSPORT_GRPC_GRPC_SERVER_H_
