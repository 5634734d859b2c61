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
#include <vector>

#include "client/load/connections.h"
#include "client/load/engine.h"

namespace latchkey::load {

class GrpcPort;

class GrpcEngine final : public Engine {
 public:
  explicit GrpcEngine(const EngineOptions& options);
  ~GrpcEngine() override;

  absl::Status Connect(Nanos patience) override;
  CallPort& Port(size_t thread) override;
  size_t SlotCount(size_t thread) const override;

 private:
  const EngineOptions options_;
  const Channels channels_;
  std::vector<std::unique_ptr<GrpcPort>> ports_;
};

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_GRPC_ENGINE_H_
