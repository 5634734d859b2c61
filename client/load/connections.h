// Connections are the TCP connections of an engine, dealt out to its threads.
//
// Thread safety: free functions, no shared state.

#ifndef LATCHKEY_CLIENT_LOAD_CONNECTIONS_H_
#define LATCHKEY_CLIENT_LOAD_CONNECTIONS_H_

#include <grpcpp/channel.h>
#include <grpcpp/security/credentials.h>
#include <openssl/ssl.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "client/load/engine.h"

namespace latchkey::load {

using Channels = std::vector<std::shared_ptr<grpc::Channel>>;

// The server, and how it is spoken to.
struct Target {
  // HOST:PORT.
  std::string address;
  // As client::ChannelOptions has them.
  std::shared_ptr<grpc::ChannelCredentials> credentials;
  // The same for the native engine; null: it is not encrypted.
  std::shared_ptr<SSL_CTX> tls;
  std::string server_name;
  std::string token;
};

// Of the engines that send each request themselves.
struct EngineOptions {
  Target target;
  // In all, dealt out to the threads in turn.  REQUIRES: at least as many
  // connections as threads.
  size_t connections = 1;
  size_t threads = 1;
  // Calls at a time on each connection.
  size_t in_flight = 1;
  // How long an attempt at a call may take.
  Nanos timeout = kNanosPerSecond;
  // How many more attempts a call gets that ended as UNAVAILABLE or
  // DEADLINE_EXCEEDED: at once, or when the server's pushback asks for it.
  int retries = 0;
};

struct ConnectionOptions {
  Target target;
  size_t connections = 1;
  // Whether gRPC may itself send a call again.
  bool retries = true;
};

// Channels of which each is a connection of its own.
Channels MakeConnections(const ConnectionOptions& options);

// Those of each thread, in turn.  REQUIRES: at least one for each.
std::vector<Channels> DealOut(const Channels& channels, size_t threads);

// Waits until all are connected to `address`; an error says which one is not.
absl::Status ConnectAll(const Channels& channels, const std::string& address,
                        Nanos patience);

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_CONNECTIONS_H_
