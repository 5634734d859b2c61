// Network carries copies of requests to whatever life of the server there is
// when they arrive, and answers back.  Each copy on its way is a Flight.
//
// A copy is late, or lost, or its answer is; one that was sent to an earlier
// life reaches a later one.  Whoever sent it may cancel it while it is served.
//
// Thread safety: as the scheduler.

#ifndef LATCHKEY_TESTS_SIMULATION_NETWORK_H_
#define LATCHKEY_TESTS_SIMULATION_NETWORK_H_

#include <memory>
#include <vector>

#include "server/base/clock.h"
#include "server/runtime/deadline.h"
#include "tests/simulation/life.h"
#include "tests/simulation/scheduler.h"

namespace latchkey::simulation {

// Where answers arrive.
struct Mailbox {
  explicit Mailbox(Scheduler& scheduler) : signal(scheduler) {}

  Signal signal;
  std::vector<verify::DirectAnswer> answers;
};

struct Flight {
  Copy copy;
  // The life that the sender knew.
  std::shared_ptr<Life> sent_to;
  // How long the ways there and back take.
  Nanos there = 0;
  Nanos back = 0;
  bool answer_lost = false;
  // May be null: nobody listens.
  std::shared_ptr<Mailbox> mailbox = nullptr;

  // What became of it.
  bool dropped = false;
  bool arrived = false;
  bool done = false;
  std::shared_ptr<Service> service = std::make_shared<Service>();
};

class Network {
 public:
  explicit Network(Scheduler& scheduler) : scheduler_(scheduler) {}

  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  // Copies that arrive from now on are served by `life`.
  void Connect(std::shared_ptr<Life> life) { life_ = std::move(life); }

  // What is still on its way gets nowhere.
  void Close() { life_ = nullptr; }

  std::shared_ptr<Flight> Send(Flight flight);

  // Ends the copy's token, where it is being served.
  void Cancel(Flight& flight, EndReason reason);

 private:
  void Fly(Flight& flight);

  Scheduler& scheduler_;
  std::shared_ptr<Life> life_;
};

}  // namespace latchkey::simulation

#endif  // LATCHKEY_TESTS_SIMULATION_NETWORK_H_
