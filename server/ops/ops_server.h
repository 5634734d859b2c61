// OpsServer is the HTTP port for those who operate the server:
//
//   /metrics  all metrics in the Prometheus text format
//   /livez    200 while the process lives
//   /readyz   200 where new work is welcome; else 503, and why
//
// Anything else is 404.  It is no part of the service: its threads are its own,
// few, and wait for no one longer than `connection_time_max`.  A connection
// carries one request; who sends too much, or too slowly, is cut off.  Whoever
// keeps many connections busy keeps others from this port, and from nothing
// else.
//
// Thread safety: an instance belongs to the thread that made it.
//
// Example:
//   OpsServer ops({.host = "127.0.0.1", .port = 7412}, registry, readiness);
//   absl::StatusOr<int> port = ops.Start();
//   ...
//   ops.Stop();

#ifndef LATCHKEY_SERVER_OPS_OPS_SERVER_H_
#define LATCHKEY_SERVER_OPS_OPS_SERVER_H_

#include <memory>
#include <thread>

#include "absl/status/statusor.h"
#include "server/metrics/metrics_registry.h"
#include "server/ops/options.h"
#include "server/ops/readiness.h"

namespace latchkey {

class HttpServer;

class OpsServer {
 public:
  // `registry` and `readiness` must outlive the server.
  OpsServer(OpsOptions options, const MetricsRegistry& registry,
            const Readiness& readiness);

  // Stops.
  ~OpsServer();

  OpsServer(const OpsServer&) = delete;
  OpsServer& operator=(const OpsServer&) = delete;

  // Starts to answer and returns the port.  At most once.
  //
  // Errors: UNAVAILABLE when the address cannot be listened on.
  absl::StatusOr<int> Start();

  // Cuts what is open and returns when no thread of this server runs.  Does
  // nothing where it does not run.
  void Stop();

 private:
  const OpsOptions options_;
  const std::unique_ptr<HttpServer> http_;
  std::thread listener_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_OPS_OPS_SERVER_H_
