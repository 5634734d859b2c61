// LateCopies keeps some of the keyed writes that a port has sent, and sends
// copies of them later, as a bad network does; and what only looks like a copy,
// as a bad client does.  None of it may change anything, and each has one right
// answer:
//
//   a copy, or two at once             the recorded answer, as a replay
//   a copy whose token has ended       the same
//   GetOutcome, with a fence or not    the same
//   a copy that outlived the window    IDEMPOTENCY_KEY_EXPIRED, by its stamp
//   its key with another payload       IDEMPOTENCY_KEY_REUSED
//   its payload with a new key
//     and a stamp of another life      INCARNATION_CHANGED
//     that was fenced before           IDEMPOTENCY_KEY_FENCED
//
// Thread safety: an instance belongs to one thread.

#ifndef LATCHKEY_TESTS_VERIFY_LATE_COPIES_H_
#define LATCHKEY_TESTS_VERIFY_LATE_COPIES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "client/load/random.h"
#include "tests/verify/companion.h"
#include "tests/verify/direct_server.h"
#include "tests/verify/keyed_write.h"

namespace latchkey::verify {

class LateCopies {
 public:
  // All must outlive this object.  `window`: the ledger's.
  LateCopies(DirectServer& server, Nanos window, load::Random& random,
             Companion& companion, CopyJudge& judge)
      : server_(server),
        window_(window),
        random_(random),
        companion_(companion),
        judge_(judge) {}

  // Keeps `write`, or not.  REQUIRES: it is decided.
  void Offer(const KeyedWrite& write);

  // Sends one of those above.
  void SendOne();

  // The kept write of `key`, or nullptr.
  const KeyedWrite* Find(std::string_view key) const;

  // How many were sent.
  uint64_t sent() const { return sent_; }

 private:
  void SendCopy(KeyedWrite& write, bool ended);
  void SendTwo(KeyedWrite& write);
  void SendReuse(const KeyedWrite& write);
  void AskOutcome(const KeyedWrite& write);
  void SendForeignStamp(const KeyedWrite& write);
  void SendFenced(const KeyedWrite& write);

  // `write` as another one, under a key of its own.
  KeyedWrite Anew(const KeyedWrite& write);
  DirectAnswer Send(Method method, std::string_view request,
                    std::string_view stamp, bool ended = false);

  DirectServer& server_;
  const Nanos window_;
  load::Random& random_;
  Companion& companion_;
  CopyJudge& judge_;
  std::vector<KeyedWrite> kept_;
  uint64_t sent_ = 0;
};

// A key that no other call makes.
std::string MakeKey(load::Random& random);

}  // namespace latchkey::verify

#endif  // LATCHKEY_TESTS_VERIFY_LATE_COPIES_H_
