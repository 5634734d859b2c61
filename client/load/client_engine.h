// ClientEngine carries calls by client/lib: deadlines over all copies, retries
// under a budget, hedges, idempotency keys and stamps are that library's, as a
// program that uses it has them.  A load on a bad network, or one that is to
// be verified, wants this engine; one that measures the server wants
// GrpcEngine, which sends each call once and costs less.
//
// Each connection has a Client of its own.  Its callbacks, on threads of gRPC,
// hand what has ended to the port's queue, on which Poll() waits.
//
// Thread safety: as Engine says.

#ifndef LATCHKEY_CLIENT_LOAD_CLIENT_ENGINE_H_
#define LATCHKEY_CLIENT_LOAD_CLIENT_ENGINE_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/load/connections.h"
#include "client/load/engine.h"

namespace latchkey::load {

struct ClientEngineOptions {
  Target target;
  // In all, dealt out to the threads in turn.  REQUIRES: at least as many
  // connections as threads.
  size_t connections = 1;
  size_t threads = 1;
  // Calls at a time on each connection.
  size_t in_flight = 1;
  // How long a call may take, with all its copies.
  Nanos timeout = kNanosPerSecond;
  // As client::ClientOptions::hedge_delay.
  std::optional<Nanos> hedge_delay;
};

class ClientPort;

class ClientEngine final : public Engine {
 public:
  explicit ClientEngine(const ClientEngineOptions& options);
  ~ClientEngine() override;

  absl::Status Connect(Nanos patience) override;
  CallPort& Port(size_t thread) override;
  size_t SlotCount(size_t thread) const override;

 private:
  const ClientEngineOptions options_;
  const Channels channels_;
  std::vector<std::unique_ptr<ClientPort>> ports_;
};

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_CLIENT_ENGINE_H_
