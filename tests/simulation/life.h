// Life is one life of the server in a simulation, from its start to its kill.
//
// A life that is over answers nobody any more.  What it still does in calls
// that were under way, nobody can see; but it is there for the judges, who ask
// it what no client could: so every life is judged to its end.
//
// Thread safety: as the scheduler.

#ifndef LATCHKEY_TESTS_SIMULATION_LIFE_H_
#define LATCHKEY_TESTS_SIMULATION_LIFE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "client/verify/method.h"
#include "client/verify/violations.h"
#include "server/base/clock.h"
#include "server/runtime/periodic.h"
#include "server/runtime/worker_pool.h"
#include "tests/simulation/ledger_judge.h"
#include "tests/simulation/scheduler.h"
#include "tests/simulation/virtual_executor.h"
#include "tests/verify/direct_server.h"

namespace latchkey::simulation {

namespace sort {
// Something is left in the end that nobody needs.
inline constexpr std::string_view kLeft = "left";
// A task of a lane that was told of its fate never, or twice.
inline constexpr std::string_view kLane = "lane";
}  // namespace sort

// One copy of a request.
struct Copy {
  verify::Method method = verify::Method::kGet;
  // Of a write, or of the question about one; else empty.
  std::string key;
  // In wire format, with the key.
  std::string request;
  std::string stamp;
  UnixNanos deadline = kNever;
  // Its token ended before it was looked at.
  bool ended = false;
  // It is served by a lane's thread, and waits for it, as a retry or not.
  bool in_lane = false;
  bool retry = false;
};

// The way to a copy that is being served.
struct Service {
  verify::DirectCopy* copy = nullptr;
  UnixNanos ended_at = kNever;
  // Those who end it just now: it outlives them.
  int ending = 0;

  // Ends its token, or expires it where `reason` is kDeadline.
  void End(UnixNanos now, EndReason reason);
};

struct LifeOptions {
  uint64_t seed = 1;
  StoreOptions store;
  AdmissionOptions lane;
  // Sweeps come so often, in steps of so much.
  Nanos sweep_every = 2 * kNanosPerSecond;
  size_t swept_max = 64;
};

class Life {
 public:
  Life(const LifeOptions& options, Scheduler& scheduler, const Clock& clock,
       verify::Violations* violations);

  Life(const Life&) = delete;
  Life& operator=(const Life&) = delete;

  // Serves a copy, on the running fiber.
  verify::DirectAnswer Serve(const Copy& copy,
                             const std::shared_ptr<Service>& service);
  verify::DirectAnswer Serve(const Copy& copy) {
    return Serve(copy, std::make_shared<Service>());
  }

  // No answer leaves the server any more, and sweeps end.
  void Kill();
  bool over() const { return over_; }

  // Returns when nothing is served any more.  REQUIRES: over().
  void AwaitEnd();

  const LaneMetrics& lane_metrics() const { return lane_.metrics(); }

  // Notified when a copy was served.
  Signal& served() { return served_; }

  LedgerJudge& judge() { return judge_; }
  Store& store() { return server_.store(); }
  WorkerPool& lane() { return lane_; }
  const Clock& clock() const { return server_.clock(); }

 private:
  // Returns when the copy was answered, and by which reading of the clock it
  // was decided.
  UnixNanos RunInLane(const Copy& copy, verify::DirectCopy& served);
  // Ends the token of a copy in a lane in time, as a transport's timer does.
  void StartTimer(const Copy& copy, std::shared_ptr<Service> service);
  bool Sweep();
  void JudgeRead(const Copy& copy, UnixNanos ends_at, UnixNanos decided_at,
                 const verify::DirectAnswer& answer);

  const LifeOptions options_;
  Scheduler& scheduler_;
  verify::Violations& violations_;
  verify::DirectServer server_;
  LedgerJudge judge_;
  VirtualExecutor executor_;
  WorkerPool lane_;
  std::optional<Periodic> sweeps_;
  Signal served_;
  size_t serving_ = 0;
  bool over_ = false;
};

}  // namespace latchkey::simulation

#endif  // LATCHKEY_TESTS_SIMULATION_LIFE_H_
