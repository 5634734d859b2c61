// Readiness is what /readyz says: whether new work should be sent here.
//
// Thread safety: all methods may be called from any thread.  A single word that
// says nothing about other memory: relaxed is enough.

#ifndef LATCHKEY_SERVER_OPS_READINESS_H_
#define LATCHKEY_SERVER_OPS_READINESS_H_

#include <atomic>

namespace latchkey {

class Readiness {
 public:
  enum class State { kStarting, kReady, kDraining };

  State state() const { return state_.load(std::memory_order_relaxed); }
  void Set(State state) { state_.store(state, std::memory_order_relaxed); }

 private:
  std::atomic<State> state_ = State::kStarting;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_OPS_READINESS_H_
