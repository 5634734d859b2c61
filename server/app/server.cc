#include "server/app/server.h"

#include <algorithm>
#include <string>
#include <utility>

#include "server/app/log.h"
#include "server/app/server_metrics.h"
#include "server/ops/process_metrics.h"
#include "server/store/store_metrics.h"
#include "server/transport/grpc/grpc_server.h"
#include "server/transport/native/native_server.h"

namespace latchkey {
namespace {

ServiceOptions ToServiceOptions(const ServerOptions& options,
                                const RulesKeeper* rules) {
  ServiceOptions service;
  service.rules = rules;
  service.key_bytes_max = static_cast<size_t>(options.key_bytes_max);
  service.value_bytes_max = static_cast<size_t>(options.value_bytes_max);
  service.test_service_time = options.test_service_time_us * kNanosPerMicro;
  return service;
}

StoreOptions ToStoreOptions(const ServerOptions& options,
                            const LimitsKeeper* limits) {
  StoreOptions store;
  if (limits != nullptr) store.accounts = &limits->accounts();
  store.idempotency_window =
      options.idempotency_window_seconds * kNanosPerSecond;
  store.idempotency_bytes_max =
      static_cast<size_t>(options.idempotency_bytes_max);
  store.memory_bytes_max = static_cast<size_t>(options.memory_max_bytes);
  store.eviction = options.eviction == "s3fifo" ? EvictionPolicy::kS3Fifo
                   : options.eviction == "lru"  ? EvictionPolicy::kLru
                   : options.eviction == "none" ? EvictionPolicy::kNone
                                                : EvictionPolicy::kTinyLfu;
  store.snapshot_bytes_max = static_cast<size_t>(options.snapshot_bytes_max);
  return store;
}

// What requests that are not whole, and answers that were not read, may hold.
constexpr int64_t kBufferBytesMin = 8 * 1024 * 1024;
constexpr int64_t kBufferBytesMax = 256 * 1024 * 1024;

// A task of the lane takes up to some tens of milliseconds, so that more wait
// than one is usual, and a queue stands when that does not end.
AdmissionOptions ToBulkOptions(const ServerOptions& options) {
  return {.items_max = static_cast<size_t>(options.bulk_queue_max),
          .delay_target = 100 * kNanosPerMilli,
          .interval = kNanosPerSecond,
          .servers = options.bulk_threads};
}

// `options` were accepted, so that there is a transport of the name, and an
// address that can be parsed.
std::unique_ptr<Transport> MakeTransport(const ServerOptions& options,
                                         const TlsKeeper* tls,
                                         const TokenKeeper* tokens,
                                         LimitsKeeper* limits,
                                         const MethodTable& methods,
                                         const Clock& clock) {
  if (options.transport == "grpc") {
    return std::make_unique<GrpcServer>(
        GrpcServerOptions{
            .listen_address = options.listen,
            .tls = tls,
            .tokens = tokens,
            .limits = limits,
            .threads = options.threads,
            .calls_per_connection_max = options.calls_per_connection_max,
            .calls_max = options.calls_max,
            .call_time_max = options.call_seconds_max * kNanosPerSecond},
        methods, clock);
  }
  const ListenAddress address = *ParseListenAddress(options.listen);
  // A part of the data's limit, since it is beside it, and no less than some of
  // the largest messages.
  const auto buffers_max = static_cast<size_t>(std::clamp(
      options.memory_max_bytes / 8, kBufferBytesMin, kBufferBytesMax));
  return std::make_unique<NativeServer>(
      NativeServerOptions{
          .host = address.host,
          .port = address.port,
          .tls = tls,
          .tokens = tokens,
          .limits = limits,
          .cors_origins = options.cors_origins,
          .threads = options.threads,
          .connections_max = options.connections_max,
          .connections_per_address_max = options.connections_per_address_max,
          .calls_per_connection_max = options.calls_per_connection_max,
          .calls_max = options.calls_max,
          .call_time_max = options.call_seconds_max * kNanosPerSecond,
          .request_bytes_max = buffers_max,
          .reply_bytes_max = buffers_max,
          .connection_reply_bytes_max = buffers_max / 4,
          .idle_time_max = options.connection_idle_seconds * kNanosPerSecond,
          .age_max = options.connection_age_seconds * kNanosPerSecond},
      methods, clock);
}

}  // namespace

Server::Server(const ServerOptions& options, Files files)
    : options_(options),
      files_(std::move(files)),
      bulk_threads_(options.bulk_threads),
      bulk_(ToBulkOptions(options), clock_, bulk_threads_),
      store_(ToStoreOptions(options, files_.limits.get()), clock_, random_),
      cache_(store_, clock_, ToServiceOptions(options, files_.rules.get()),
             &bulk_, &maintenance_thread_),
      admin_(store_, files_.rules.get(), [this] { return Facts(); }),
      reflection_(files_.rules.get()),
      transport_(MakeTransport(options_, files_.tls.get(), files_.tokens.get(),
                               files_.limits.get(), methods_, clock_)) {
  cache_.Register(methods_);
  admin_.Register(methods_);
  health_.Register(methods_);
  reflection_.Register(methods_);
  AddMetrics();
}

Server::~Server() { Stop(0); }

absl::StatusOr<ListenAddress> Server::Start() {
  absl::StatusOr<ListenAddress> address = ParseListenAddress(options_.listen);
  if (!address.ok()) return address.status();
  const absl::StatusOr<int> port = transport_->Start();
  if (!port.ok()) return port.status();
  sweeper_ = std::make_unique<Sweeper>(store_, maintenance_thread_);
  sweeper_->Start();
#ifdef LATCHKEY_JEMALLOC
  // Without it a sanitizer's allocator is at work, which keeps what is freed.
  memory_watch_ = std::make_unique<MemoryWatch>(store_, maintenance_thread_);
  memory_watch_->Start();
#endif
  if (files_.tls != nullptr) {
    tls_watch_ = std::make_unique<TlsWatch>(*files_.tls, maintenance_thread_);
    tls_watch_->Start();
  }
  address->port = *port;
  readiness_.Set(Readiness::State::kReady);
  return address;
}

absl::StatusOr<std::optional<ListenAddress>> Server::StartOps() {
  if (options_.http_listen.empty()) return std::nullopt;
  absl::StatusOr<ListenAddress> address =
      ParseListenAddress(options_.http_listen);
  if (!address.ok()) return address.status();
  ops_ = std::make_unique<OpsServer>(
      OpsOptions{.host = address->host, .port = address->port}, metrics_,
      readiness_);
  const absl::StatusOr<int> port = ops_->Start();
  if (!port.ok()) return port.status();
  address->port = *port;
  return *address;
}

ServerFacts Server::Facts() const {
  return {.version = LATCHKEY_VERSION,
          .transport = options_.transport,
          .threads = options_.threads,
          .started = started_,
          .now = clock_.Now(),
          .live_calls = live_calls(),
          .connections = transport_->connections(),
          .resident_bytes = process_memory_.Read().resident_bytes};
}

void Server::Reload() {
  if (tls_watch_ != nullptr) tls_watch_->LookNow();
  const auto reload = [this](auto* keeper, Reloads& reloads) {
    if (keeper == nullptr) return;
    const absl::Status status = keeper->Reload();
    reloads.Tell(keeper->file(), status, clock_.Now());
  };
  reload(files_.tokens.get(), token_reloads_);
  reload(files_.rules.get(), rules_reloads_);
  reload(files_.limits.get(), limits_reloads_);
}

void Server::AddMetrics() {
  metrics_.Add(
      [this](MetricsText& text) { CollectServerMetrics(Facts(), text); });
  metrics_.Add([this](MetricsText& text) { methods_.metrics().Collect(text); });
  metrics_.Add([this](MetricsText& text) {
    const LaneFacts lanes[] = {{"bulk", bulk_.metrics(), bulk_.depth()}};
    CollectLanes(lanes, text);
  });
  metrics_.Add(
      [this](MetricsText& text) { CollectStoreMetrics(store_, text); });
  if (files_.tls != nullptr) {
    metrics_.Add(
        [this](MetricsText& text) { CollectTlsMetrics(*files_.tls, text); });
  }
  if (files_.tokens != nullptr || files_.rules != nullptr ||
      files_.limits != nullptr) {
    metrics_.Add([this](MetricsText& text) {
      const Reloads* const files[] = {
          files_.tokens != nullptr ? &token_reloads_ : nullptr,
          files_.rules != nullptr ? &rules_reloads_ : nullptr,
          files_.limits != nullptr ? &limits_reloads_ : nullptr};
      CollectReloads(files, text);
    });
  }
  if (files_.limits != nullptr) {
    metrics_.Add([this](MetricsText& text) {
      CollectLimits(files_.limits->refusals(), text);
    });
  }
  metrics_.Add(CollectProcessMetrics);
}

void Server::Drain() {
  readiness_.Set(Readiness::State::kDraining);
  // First, so that who watches looks for another server before calls fail.
  health_.Drain();
  // Nobody new is served, so hardly anybody would be woken.
  store_.CloseLeases();
  Stop(options_.drain_seconds * kNanosPerSecond);
  if (ops_ != nullptr) ops_->Stop();
}

void Server::Stop(Nanos grace) {
  transport_->Shutdown(grace);
  // No call lives, so nothing waits in the lane.
  bulk_threads_.Stop();
  tls_watch_.reset();
  memory_watch_.reset();
  sweeper_.reset();
  maintenance_thread_.Stop();
}

}  // namespace latchkey
