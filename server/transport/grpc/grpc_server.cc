#include "server/transport/grpc/grpc_server.h"

#include <grpc/impl/codegen/grpc_types.h>
#include <grpcpp/server_builder.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "server/transport/grpc/tls_credentials.h"

namespace latchkey {
namespace {

// All metadata of one request.  Ours is some hundred bytes; this leaves room
// for tokens and traces.
constexpr int kMetadataBytesMax = 16 * 1024;

// Clients may ping as often as every 10 s, with or without calls in flight. The
// library's default is 5 minutes, and it closes the connection of who pings
// more often; half of 10 s leaves room for late timers.
constexpr int kClientPingIntervalMsMin = 5'000;

// The server's own pings, which find connections whose other end is gone.
constexpr int kPingIntervalMs = 60'000;
constexpr int kPingTimeoutMs = 20'000;

// Who connects and does not speak HTTP/2 for so long is dropped.
constexpr int kHandshakeMsMax = 10'000;

// How long new calls are refused before connections are told to end.
constexpr Nanos kRefuseTime = 100 * kNanosPerMilli;

// How long clients without calls may take to close their connections.
constexpr Nanos kGoodbyeTime = 100 * kNanosPerMilli;

void SetLimits(grpc::ServerBuilder& builder, const GrpcServerOptions& options) {
  builder.SetMaxReceiveMessageSize(options.message_bytes_max);
  const auto set = [&builder](const char* name, int value) {
    builder.AddChannelArgument(name, value);
  };
  // Else two servers on one port would share its connections, each with half of
  // the data.
  set(GRPC_ARG_ALLOW_REUSEPORT, 0);
  set(GRPC_ARG_MAX_CONCURRENT_STREAMS,
      options.calls_per_connection_max +
          options.about_server_calls_per_connection_max);
  set(GRPC_ARG_MAX_METADATA_SIZE, kMetadataBytesMax);
  set(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
      kClientPingIntervalMsMin);
  set(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  set(GRPC_ARG_KEEPALIVE_TIME_MS, kPingIntervalMs);
  set(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kPingTimeoutMs);
  set(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeMsMax);
}

}  // namespace

GrpcServer::GrpcServer(GrpcServerOptions options, const MethodTable& methods,
                       const Clock& clock)
    : options_(std::move(options)),
      methods_(methods),
      clock_(clock),
      credentials_(options_.tls == nullptr
                       ? grpc::InsecureServerCredentials()
                       : MakeTlsCredentials(*options_.tls)) {}

GrpcServer::~GrpcServer() { Shutdown(0); }

absl::StatusOr<int> GrpcServer::Start() {
  grpc::ServerBuilder builder;
  SetLimits(builder, options_);
  int port = 0;
  builder.AddListeningPort(options_.listen_address, credentials_, &port);
  builder.RegisterAsyncGenericService(&service_);
  for (int i = 0; i < options_.threads; ++i) {
    queues_.push_back(std::make_unique<CallQueue>(builder.AddCompletionQueue(),
                                                  service_, methods_, clock_,
                                                  options_, slots_));
  }
  server_ = builder.BuildAndStart();
  if (server_ == nullptr || port == 0) {
    server_ = nullptr;
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", options_.listen_address,
                     ": the port is taken, or the address is not one of this "
                     "machine"));
  }
  for (const auto& queue : queues_) queue->Start();
  return port;
}

void GrpcServer::Shutdown(Nanos grace) {
  if (server_ == nullptr) return;
  const UnixNanos end = SaturatingAdd(clock_.Now(), grace);
  if (grace > 0) {
    // The library cancels calls that arrive after its Shutdown(), and a client
    // could not tell that from a cancel of its own.  So refuse them ourselves
    // first, for as long as clients need to hear of it.
    for (const auto& queue : queues_) queue->StartRefusing();
    std::this_thread::sleep_for(
        std::chrono::nanoseconds(std::min(grace, kRefuseTime)));
  }
  // It also waits for connections, which end when their clients react.  That is
  // worth no more than a moment when no call is left.
  const Nanos left = std::max<Nanos>(0, end - clock_.Now());
  server_->Shutdown(std::chrono::system_clock::now() +
                    std::chrono::nanoseconds(live_calls() == 0
                                                 ? std::min(left, kGoodbyeTime)
                                                 : left));
  for (const auto& queue : queues_) queue->Stop();
  server_ = nullptr;
}

int64_t GrpcServer::live_calls() const {
  int64_t sum = 0;
  for (const auto& queue : queues_) sum += queue->live_calls();
  return sum;
}

}  // namespace latchkey
