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
#include <string>
#include <string_view>

#include "client/verify/method.h"
#include "client/verify/violations.h"
#include "server/base/clock.h"
#include "tests/simulation/ledger_judge.h"
#include "tests/simulation/scheduler.h"
#include "tests/verify/direct_server.h"

namespace latchkey::simulation {

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
};

// The way to a copy that is being served.
struct Service {
  verify::DirectCopy* copy = nullptr;
  UnixNanos ended_at = kNever;

  void End(UnixNanos now, EndReason reason);
};

struct LifeOptions {
  uint64_t seed = 1;
  StoreOptions store;
};

class Life {
 public:
  Life(const LifeOptions& options, Scheduler& scheduler, const Clock& clock,
       verify::Violations* violations);

  Life(const Life&) = delete;
  Life& operator=(const Life&) = delete;

  // Serves a copy, on the running fiber.
  verify::DirectAnswer Serve(const Copy& copy, Service* service);

  // No answer leaves the server any more.
  void Kill() { over_ = true; }
  bool over() const { return over_; }

  // Returns when nothing is served any more.  REQUIRES: over().
  void AwaitEnd();

  // Notified when a copy was served.
  Signal& served() { return served_; }

  LedgerJudge& judge() { return judge_; }
  Store& store() { return server_.store(); }

 private:
  void JudgeRead(const Copy& copy, const Service& service,
                 const verify::DirectAnswer& answer);

  Scheduler& scheduler_;
  verify::Violations& violations_;
  verify::DirectServer server_;
  LedgerJudge judge_;
  Signal served_;
  size_t serving_ = 0;
  bool over_ = false;
};

}  // namespace latchkey::simulation

#endif  // LATCHKEY_TESTS_SIMULATION_LIFE_H_
