// SimulatedPort carries the calls of one client over the network, as client/lib
// does: a copy that is not answered in time is sent again, beside the first or
// instead of it, and a call has a deadline.
//
// Nothing stays open.  Where the network does not tell what became of a write,
// and where its life of the server is over, GetOutcome is answered by who has
// seen all copies (LedgerJudge::Truth), when all of them have come to their
// end.
//
// Thread safety: as the scheduler; an instance belongs to one fiber.

#ifndef LATCHKEY_TESTS_SIMULATION_SIMULATED_PORT_H_
#define LATCHKEY_TESTS_SIMULATION_SIMULATED_PORT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/lib/outcome.h"
#include "client/load/engine.h"
#include "client/load/random.h"
#include "tests/simulation/late_copies.h"
#include "tests/simulation/network.h"

namespace latchkey::simulation {

// How often something goes wrong, in a thousand copies.
struct NetworkFaults {
  uint64_t request_lost = 20;
  uint64_t answer_lost = 40;
  // Arrives up to kLateMax later.
  uint64_t late = 40;
  // A call gives its copies no deadline.
  uint64_t no_deadline = 300;
  // A call is served by a lane's thread.
  uint64_t in_lane = 300;
  // What is under way is cancelled before the next copy is sent.
  uint64_t cancelled = 300;

  static constexpr Nanos kLateMax = 12 * kNanosPerSecond;
};

struct SimulatedPortOptions {
  uint64_t seed = 1;
  uint64_t client = 0;
  // The ledger's.
  Nanos window = 0;
  NetworkFaults faults = {};
};

class SimulatedPort final : public load::CallPort {
 public:
  SimulatedPort(const SimulatedPortOptions& options, Scheduler& scheduler,
                Network& network, LateCopies& late_copies);

  // From now on calls go to `life`.
  void Connect(std::shared_ptr<Life> life);

  load::Nanos Now() override { return scheduler_.now(); }
  void Start(size_t slot, const load::Call& call) override;
  std::optional<load::Completion> Poll(load::Nanos until) override;

 private:
  // What the copies of one call have come to.
  struct Exchange {
    Copy copy;
    client::OutcomeTally tally;
    // When the call gives up.
    UnixNanos gives_up = kNever;
    std::optional<verify::DirectAnswer> answer = {};
    int attempts = 0;
    int hedges = 0;
  };

  // Gives a new write its key and its stamp.
  void BeginWrite(Copy* copy);
  // Sends copies until one is answered for good.
  void Run(Exchange* exchange);
  void SendCopy(Exchange* exchange, const std::shared_ptr<Mailbox>& mailbox);
  // Whether the call has its answer.
  bool TakeAnswer(verify::DirectAnswer answer, Exchange* exchange);
  // One copy without faults, to a life that is over, too.
  void RunSafely(Exchange* exchange);
  void AskOutcome(Exchange* exchange);
  verify::DirectAnswer Truth(std::string_view key);

  void CancelAll();
  std::string StampForWrite();
  void Learn(const verify::DirectAnswer& answer);
  void Complete(const Exchange& exchange);

  const SimulatedPortOptions options_;
  Scheduler& scheduler_;
  Network& network_;
  LateCopies& late_copies_;
  load::Random random_;
  std::shared_ptr<Life> life_;

  // The newest stamp and when it came.
  std::string stamp_;
  UnixNanos stamp_at_ = 0;

  // Of the last write: its copies, when it began, and how it was called.
  std::vector<std::shared_ptr<Flight>> flights_;
  UnixNanos write_began_ = 0;
  Copy write_;

  // The last call's end, and what it points to.
  std::optional<load::Completion> completion_;
  verify::DirectAnswer answer_;
  client::CallError error_;
  std::string key_;
};

}  // namespace latchkey::simulation

#endif  // LATCHKEY_TESTS_SIMULATION_SIMULATED_PORT_H_
