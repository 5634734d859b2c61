// GrpcEngine carries calls by the gRPC C++ library: one completion queue for
// each thread, and channels with arguments of their own, so that each is a TCP
// connection of its own.
//
// A call is sent once, or with retries: without a budget, as of clients that
// make an overload worse.
//
// Calls go through the generic stub, as bytes: the request is serialized when
// it is started, the answer is handed on as it came.
//
// Thread safety: as Engine says.

#ifndef LATCHKEY_CLIENT_LOAD_GRPC_ENGINE_H_
#define LATCHKEY_CLIENT_LOAD_GRPC_ENGINE_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "client/load/connections.h"
#include "client/load/engine.h"

namespace latchkey::load {

struct GrpcEngineOptions {
  Target target;
  // In all, dealt out to the threads in turn.  REQUIRES: at least as many
  // connections as threads.
  size_t connections = 1;
  size_t threads = 1;
  // Calls at a time on each connection.
  size_t in_flight = 1;
  // How long an attempt at a call may take.
  Nanos timeout = kNanosPerSecond;
  // How often a call that ended as UNAVAILABLE or DEADLINE_EXCEEDED is sent
  // again: at once, or when the server's pushback says.
  int retries = 0;
};

class GrpcPort;

class GrpcEngine final : public Engine {
 public:
  explicit GrpcEngine(const GrpcEngineOptions& options);
  ~GrpcEngine() override;

  absl::Status Connect(Nanos patience) override;
  CallPort& Port(size_t thread) override;
  size_t SlotCount(size_t thread) const override;

 private:
  const GrpcEngineOptions options_;
  const Channels channels_;
  std::vector<std::unique_ptr<GrpcPort>> ports_;
};

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_GRPC_ENGINE_H_
