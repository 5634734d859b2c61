#include "client/verify/verifier.h"

#include "client/verify/append_log.h"
#include "client/verify/copy_checker.h"

namespace latchkey::verify {

void VerifierCounts::Add(const VerifierCounts& other) {
  rounds += other.rounds;
  operations += other.operations;
  keyed_writes += other.keyed_writes;
  commits += other.commits;
  retried += other.retried;
  hedged += other.hedged;
  replayed += other.replayed;
}

Verifier::Verifier(const VerifierOptions& options)
    : options_(options), serial_({.shared = options.shared}) {}

void Verifier::CheckRound(const Round& round) {
  ++counts_.rounds;
  for (const HistoryEvent* event : round.events()) {
    ++counts_.operations;
    counts_.keyed_writes += event->idempotency_key.empty() ? 0 : 1;
    counts_.retried += event->attempts > event->hedges + 1 ? 1 : 0;
    counts_.hedged += event->hedges > 0 ? 1 : 0;
    counts_.replayed += event->replayed ? 1 : 0;
  }
  serial_.CheckRound(round, &violations_);
  CheckCopies(round, &violations_);
  if (!options_.log_prefix.empty()) {
    CheckAppendLogs(round, options_.log_prefix, &violations_);
  }
  counts_.commits = serial_.commits();
}

}  // namespace latchkey::verify
