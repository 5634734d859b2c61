// HealthService answers grpc.health.v1.Health: for the server ("") and for
// latchkey.v1.Cache, which are always of one state.  It serves from the
// beginning; a drain says SetServing(false).
//
// Check of another name is NOT_FOUND.  Watch of another name answers
// SERVICE_UNKNOWN and stays open, since that is what the protocol asks for.  A
// Watch sends the state at once and whenever it changed since the last message;
// changes that come faster than messages can be sent are told as one.
//
// Thread safety: SetServing() may be called from any thread, at any time.
//
// Example:
//   HealthService health;
//   health.Register(methods);
//   ...
//   health.SetServing(false);  // SIGTERM

#ifndef LATCHKEY_SERVER_SERVICE_HEALTH_SERVICE_H_
#define LATCHKEY_SERVER_SERVICE_HEALTH_SERVICE_H_

#include <atomic>
#include <memory>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "server/base/mutex.h"
#include "server/rpc/call.h"
#include "server/rpc/method_table.h"

namespace latchkey {

class HealthService {
 public:
  static constexpr char kName[] = "grpc.health.v1.Health";

  HealthService();
  ~HealthService();

  HealthService(const HealthService&) = delete;
  HealthService& operator=(const HealthService&) = delete;

  // Adds Check and Watch.  The service must outlive the calls made through
  // them.
  void Register(MethodTable& methods);

  // Changes the state and tells all watchers.
  void SetServing(bool serving);

  // Tells all watchers that the server does not serve any more, and ends their
  // calls with UNAVAILABLE, DRAINING once that has gone out: they would hold
  // the drain until its limit.
  void Drain();

 private:
  class Watcher;
  class WatchHandler;

  void Check(Call& call, std::string_view bytes) const;

  // Synchronises itself.  SetServing() publishes with release before it visits
  // the watchers; a watcher that it does not visit was added later, and reads
  // the new state (acquire) after that.
  std::atomic<bool> serving_ = true;
  // Set before that.
  std::atomic<bool> draining_ = false;

  Mutex mutex_;
  // Those whose calls are not over.
  absl::flat_hash_set<std::shared_ptr<Watcher>> watchers_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SERVICE_HEALTH_SERVICE_H_
