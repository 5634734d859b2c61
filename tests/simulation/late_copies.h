// LateCopies keeps some of the writes that clients have sent, and sends copies
// of them much later, as a bad network does; and what only looks like a copy,
// as a bad client does: an answered write once more, or twice at once, or with
// a token that has ended; its key with another request; its request with a
// stamp of another life, or under a key that was fenced before; and questions
// about it.  They reach the life of then or a later one.
//
// Nothing of it may change anything; LedgerJudge knows what each must be
// answered.  What has no stamp has a deadline within the window of its write.
//
// Thread safety: as the scheduler.

#ifndef LATCHKEY_TESTS_SIMULATION_LATE_COPIES_H_
#define LATCHKEY_TESTS_SIMULATION_LATE_COPIES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "client/load/random.h"
#include "tests/simulation/life.h"
#include "tests/simulation/network.h"

namespace latchkey::simulation {

// A write that was decided.
struct SentWrite {
  Copy copy;
  // Its request without the key.
  std::string payload;
  // When its client began, and with whom.
  UnixNanos began = 0;
  std::shared_ptr<Life> life;
};

class LateCopies {
 public:
  // `window`: the ledger's.
  LateCopies(uint64_t seed, Nanos window, Scheduler& scheduler,
             Network& network);

  // Keeps `write`, or not.
  void Offer(SentWrite write);

  // Sends one of those above towards `life`, and does not wait for it.
  void SendOne(const std::shared_ptr<Life>& life);

  uint64_t sent() const { return sent_; }

 private:
  void Send(const std::shared_ptr<Life>& life, Copy copy);
  void SendReuse(const std::shared_ptr<Life>& life, const SentWrite& write);
  void AskOutcome(const std::shared_ptr<Life>& life, const SentWrite& write);
  void SendFenced(const std::shared_ptr<Life>& life, const SentWrite& write);

  // `write` as another one, under a key of its own.
  Copy Anew(const SentWrite& write);

  const Nanos window_;
  Scheduler& scheduler_;
  Network& network_;
  load::Random random_;
  std::vector<SentWrite> kept_;
  uint64_t sent_ = 0;
};

}  // namespace latchkey::simulation

#endif  // LATCHKEY_TESTS_SIMULATION_LATE_COPIES_H_
