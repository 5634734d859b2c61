#include "tests/simulation/network.h"

#include <utility>

namespace latchkey::simulation {

std::shared_ptr<Flight> Network::Send(Flight flight) {
  auto shared = std::make_shared<Flight>(std::move(flight));
  scheduler_.Start("copy", [this, shared] {
    Fly(*shared);
    shared->done = true;
    shared->sent_to->served().NotifyAll();
  });
  return shared;
}

void Network::Fly(Flight& flight) {
  if (flight.there > 0) scheduler_.WaitFor(flight.there);
  const std::shared_ptr<Life> life = life_;
  if (flight.dropped || life == nullptr || life->over()) return;
  // Without a stamp the promise is for one life.
  if (flight.copy.stamp.empty() && life != flight.sent_to) return;
  flight.arrived = true;
  verify::DirectAnswer answer = life->Serve(flight.copy, flight.service);
  if (flight.answer_lost || life->over() || flight.mailbox == nullptr) return;
  if (flight.back > 0) scheduler_.WaitFor(flight.back);
  flight.mailbox->answers.push_back(std::move(answer));
  flight.mailbox->signal.NotifyAll();
}

void Network::Cancel(Flight& flight, EndReason reason) {
  flight.service->End(scheduler_.now(), reason);
}

}  // namespace latchkey::simulation
