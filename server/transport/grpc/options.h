// What the gRPC library's transport allows its clients.

#ifndef LATCHKEY_SERVER_TRANSPORT_GRPC_OPTIONS_H_
#define LATCHKEY_SERVER_TRANSPORT_GRPC_OPTIONS_H_

#include <cstdint>
#include <string>

#include "server/base/clock.h"

namespace latchkey {

class LimitsKeeper;
class TlsKeeper;
class TokenKeeper;

struct GrpcServerOptions {
  // HOST:PORT, an IPv6 address in brackets.  Port 0: the system chooses one.
  std::string listen_address;
  // What connections are encrypted with; null: they are not.  Must outlive the
  // server.
  const TlsKeeper* tls = nullptr;

  // By what calls are told from whom they come; null: they are not.  Must
  // outlive the server.
  const TokenKeeper* tokens = nullptr;

  // What each of them may use; null: as much as it likes.  Must outlive the
  // server.
  LimitsKeeper* limits = nullptr;
  // Completion queues, each with one thread.
  int threads = 1;
  // The largest message that is received.
  int message_bytes_max = 4 * 1024 * 1024;

  // Calls in flight on one connection and in all, those about the server, and
  // the deadline of a unary call without one: as NativeServerOptions says.
  int calls_per_connection_max = 1'000;
  int64_t calls_max = 100'000;
  int about_server_calls_per_connection_max = 100;
  int64_t about_server_calls_max = 10'000;
  Nanos call_time_max = 10 * kNanosPerSecond;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_TRANSPORT_GRPC_OPTIONS_H_
