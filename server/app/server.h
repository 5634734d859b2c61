// Server is latchkeyd without its process: it wires the rooms together, and
// knows the order in which they start and stop.
//
// Thread safety: an instance belongs to the thread that made it.
//
// Example:
//   Server server(options);
//   absl::StatusOr<ListenAddress> address = server.Start();
//   ...
//   server.Drain();

#ifndef LATCHKEY_SERVER_APP_SERVER_H_
#define LATCHKEY_SERVER_APP_SERVER_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "server/access/limits_keeper.h"
#include "server/access/rules_keeper.h"
#include "server/access/token_keeper.h"
#include "server/app/memory_watch.h"
#include "server/app/reloads.h"
#include "server/app/sweeper.h"
#include "server/app/tls_watch.h"
#include "server/base/clock.h"
#include "server/base/random.h"
#include "server/config/listen_address.h"
#include "server/config/options.h"
#include "server/metrics/metrics_registry.h"
#include "server/ops/ops_server.h"
#include "server/ops/process_memory.h"
#include "server/ops/readiness.h"
#include "server/rpc/method_table.h"
#include "server/rpc/transport.h"
#include "server/runtime/asio_executor.h"
#include "server/runtime/worker_pool.h"
#include "server/service/admin_service.h"
#include "server/service/cache_service.h"
#include "server/service/health_service.h"
#include "server/service/reflection_service.h"
#include "server/service/server_facts.h"
#include "server/store/store.h"
#include "server/tls/tls_keeper.h"

namespace latchkey {

class Server {
 public:
  // What the files hold that options name; null where there is none.
  struct Files {
    std::unique_ptr<TlsKeeper> tls;
    std::unique_ptr<TokenKeeper> tokens;
    std::unique_ptr<RulesKeeper> rules;
    std::unique_ptr<LimitsKeeper> limits;
  };

  // `options` were accepted by ParseCommandLine(), and `files` are theirs.
  explicit Server(const ServerOptions& options, Files files = {});

  // Cancels what still runs.
  ~Server();

  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Serves, and returns where.  At most once.
  //
  // Errors: UNAVAILABLE when the address cannot be listened on.
  absl::StatusOr<ListenAddress> Start();

  // Opens the operations port and returns where, or nothing where the options
  // want none.  At most once, after Start().
  //
  // Errors: UNAVAILABLE when the address cannot be listened on.
  absl::StatusOr<std::optional<ListenAddress>> StartOps();

  // Reads the files of who may do what again, each for itself, and looks at
  // those for TLS; what became of it is logged and counted.
  void Reload();

  // Says that it is not ready and NOT_SERVING, accepts nothing more, lets calls
  // finish for `drain_seconds`, cancels the rest, and returns when all are
  // over.  The operations port answers until then.
  void Drain();

  // Calls that are not over.
  int64_t live_calls() const { return transport_->live_calls(); }

 private:
  // What is so now.  From any thread, between Start() and the end.
  ServerFacts Facts() const;

  void AddMetrics();

  // Ends all calls within `grace`, then the lanes that they may wait in.
  void Stop(Nanos grace);

  // In the order of their construction: each may use those above it.
  const ServerOptions options_;
  const Files files_;
  const SystemClock clock_;
  SystemRandom random_;
  // The threads of the lanes beside the transport's.
  AsioExecutor bulk_threads_;
  AsioExecutor maintenance_thread_;
  WorkerPool bulk_;
  Store store_;
  CacheService cache_;
  AdminService admin_;
  HealthService health_;
  ReflectionService reflection_;
  MethodTable methods_;
  const std::unique_ptr<Transport> transport_;
  const UnixNanos started_ = clock_.Now();
  const ProcessMemory process_memory_;
  Reloads token_reloads_{"tokens", started_};
  Reloads rules_reloads_{"rules", started_};
  Reloads limits_reloads_{"limits", started_};
  Readiness readiness_;
  MetricsRegistry metrics_;
  std::unique_ptr<OpsServer> ops_;
  std::unique_ptr<Sweeper> sweeper_;
  std::unique_ptr<MemoryWatch> memory_watch_;
  std::unique_ptr<TlsWatch> tls_watch_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_APP_SERVER_H_
