// VirtualEngine answers calls in virtual time: a function of the test says what
// each is answered and when, and waiting for it takes no time at all.
//
// Thread safety: as Engine says, with a single thread.

#ifndef LATCHKEY_TESTS_CLIENT_LOAD_VIRTUAL_ENGINE_H_
#define LATCHKEY_TESTS_CLIENT_LOAD_VIRTUAL_ENGINE_H_

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "client/lib/call_error.h"
#include "client/load/engine.h"

namespace latchkey::load {

struct Reply {
  // When the answer comes.
  Nanos at = 0;
  std::optional<client::CallError> error;
  std::string response;
  // As in Completion.
  client::Outcome outcome = client::Outcome::kOk;
  int attempts = 1;
  int hedges = 0;
  bool replayed = false;
  std::string idempotency_key;
};

class VirtualEngine final : public Engine, public CallPort {
 public:
  using Server = std::function<Reply(Method method, const std::string& request,
                                     Nanos now)>;

  VirtualEngine(size_t slots, Server server)
      : slots_(slots), server_(std::move(server)) {}

  absl::Status Connect(Nanos) override { return connect_status; }
  CallPort& Port(size_t) override { return *this; }
  size_t SlotCount(size_t) const override { return slots_; }

  Nanos Now() override { return now_; }
  void Start(size_t slot, const Call& call) override;
  void Cancel(size_t slot) override;
  std::optional<Completion> Poll(Nanos until) override;

  // What Connect() answers.
  absl::Status connect_status;

  size_t calls() const { return calls_; }
  size_t in_flight_max() const { return in_flight_max_; }

 private:
  const size_t slots_;
  const Server server_;
  // Far from 0, so that an instant is not taken for a length of time.
  Nanos now_ = 1'000 * kNanosPerSecond;
  // By the time of the answer.
  std::multimap<Nanos, std::pair<size_t, Reply>> under_way_;
  // What the last completion points to.
  Reply last_;
  size_t calls_ = 0;
  size_t in_flight_max_ = 0;
};

}  // namespace latchkey::load

#endif  // LATCHKEY_TESTS_CLIENT_LOAD_VIRTUAL_ENGINE_H_
