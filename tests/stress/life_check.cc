#include "tests/stress/life_check.h"

#include <algorithm>
#include <vector>

#include "client/verify/append_log.h"
#include "client/verify/copy_checker.h"
#include "tests/stress/answers.h"
#include "tests/stress/dead_round.h"
#include "tests/stress/log_reads.h"

namespace latchkey::stress {

using verify::EventOutcome;
using verify::HistoryEvent;

LifeCheck::LifeCheck(const Options& options, verify::Violations* violations,
                     CheckCounts* counts)
    : options_(options),
      violations_(violations),
      counts_(counts),
      last_version_(options.first_version - 1) {
  if (options_.history_path.empty()) return;
  history_.open(options_.history_path);
  history_file_ = std::make_unique<verify::HistoryFile>(history_);
}

void LifeCheck::CheckRound(const verify::History& round) {
  const verify::Round prepared(round);
  serial_.CheckRound(prepared, violations_);
  verify::CheckCopies(prepared, violations_);
  verify::CheckAppendLogs(prepared, options_.log_prefix, violations_);
  counts_->appends_seen +=
      CheckLogReads(round, options_.log_prefix, violations_);
  for (const HistoryEvent* event : round.Sorted()) {
    if (event->outcome != EventOutcome::kOk) continue;
    last_version_ =
        std::max(last_version_, CommitVersion(event->method, event->response));
  }
  counts_->strict += round.size();
  ++counts_->rounds;
  WriteHistory(prepared);
}

void LifeCheck::CheckDeadRound(const verify::History& round) {
  verify::History strict;
  CutAtGap(round, last_version_, &strict);
  const verify::Round prepared(strict);
  serial_.CheckRound(prepared, violations_);
  verify::CheckCopies(prepared, violations_);
  CheckBeyondGap(round, violations_);
  counts_->appends_seen +=
      CheckLogReads(round, options_.log_prefix, violations_);
  counts_->strict += strict.size();
  counts_->weak += round.size() - strict.size();
  ++counts_->dead_rounds;
  WriteHistory(round);
}

void LifeCheck::WriteHistory(const verify::Round& round) {
  if (history_file_ != nullptr) history_file_->Write(round);
}

}  // namespace latchkey::stress
