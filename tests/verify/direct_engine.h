// DirectEngine carries calls to a DirectServer in its own process, as
// client/lib does over a bad network, with a seed for what goes wrong:
//
//   - a copy is lost on its way there or back, and is sent again;
//   - a copy is sent twice at once, on two threads;
//   - the token of a copy ends at any moment, by another thread;
//   - copies, and what looks like copies, come much later (late_copies.h);
//   - the clock moves on: in a round by less than the ledger's window, so that
//     what is known of a write is known to its end; between rounds past it.
//
// The outcome of a call is what client/lib's OutcomeTally makes of the answers
// that came.  The engine itself sees all answers, also those that were lost,
// and judges those of the copies of one write among each other: violations().
//
// A call runs from its Start() to its end on the calling thread, so a port has
// one slot.
//
// Thread safety: as Engine says; BeginRound(), violations() and counts() only
// while no port is used.

#ifndef LATCHKEY_TESTS_VERIFY_DIRECT_ENGINE_H_
#define LATCHKEY_TESTS_VERIFY_DIRECT_ENGINE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "client/load/engine.h"
#include "client/load/random.h"
#include "client/verify/violations.h"
#include "server/base/clock.h"
#include "tests/support/fake_clock.h"
#include "tests/verify/clock_gate.h"
#include "tests/verify/direct_server.h"

namespace latchkey::verify {

// How often something goes wrong, in a thousand.
struct NetworkFaults {
  // Of copies.
  uint64_t request_lost = 20;
  uint64_t answer_lost = 40;
  uint64_t sent_twice = 60;
  uint64_t ended = 20;
  // Of calls: a late copy follows.
  uint64_t late_copies = 150;
  // Of calls: the clock moves first.
  uint64_t clock_moves = 2;
};

struct DirectEngineOptions {
  size_t threads = 2;
  uint64_t seed = 1;
  NetworkFaults faults = {};
  StoreOptions store = {};
};

// Sums over all ports.
struct DirectCounts {
  uint64_t calls = 0;
  uint64_t copies = 0;
  uint64_t lost = 0;
  uint64_t pairs = 0;
  uint64_t ended = 0;
  uint64_t late_copies = 0;
  uint64_t clock_moves = 0;
};

class DirectPort;

class DirectEngine final : public load::Engine {
 public:
  explicit DirectEngine(const DirectEngineOptions& options);
  ~DirectEngine() override;

  absl::Status Connect(load::Nanos) override { return absl::OkStatus(); }
  load::CallPort& Port(size_t thread) override;
  size_t SlotCount(size_t) const override { return 1; }

  // All operations so far have ended, and nothing but this engine sends copies
  // of them any more.
  void BeginRound();

  // What the copies of single writes were answered and could not have been.
  Violations violations() const;
  DirectCounts counts() const;

  DirectServer& server() { return server_; }

 private:
  friend class DirectPort;

  // Moves the clock within a round, unless the outcome of a write is open: its
  // client asks for it within the window.
  void MoveClock(Nanos duration);

  const DirectEngineOptions options_;
  FakeClock clock_;
  DirectServer server_;
  ClockGate gate_;
  // How far it was moved in this round.  Guarded by the gate.
  Nanos moved_ = 0;
  load::Random random_;
  std::vector<std::unique_ptr<DirectPort>> ports_;
};

}  // namespace latchkey::verify

#endif  // LATCHKEY_TESTS_VERIFY_DIRECT_ENGINE_H_
