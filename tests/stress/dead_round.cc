#include "tests/stress/dead_round.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/stress/answers.h"

namespace latchkey::stress {
namespace {

using verify::EventOutcome;
using verify::HistoryEvent;

struct Commit {
  uint64_t version;
  const HistoryEvent* event;
};

uint64_t VersionOf(const HistoryEvent& event) {
  if (event.outcome != EventOutcome::kOk) return 0;
  return CommitVersion(event.method, event.response);
}

// In the order of their versions, and of their starts among one version.  A
// copy of a write has its version and is no commit of its own.
std::vector<Commit> CommitsOf(const std::vector<const HistoryEvent*>& events) {
  std::vector<Commit> commits;
  std::set<std::string_view> keys;
  for (const HistoryEvent* event : events) {
    const uint64_t version = VersionOf(*event);
    if (version == 0) continue;
    if (!event->idempotency_key.empty() &&
        !keys.insert(event->idempotency_key).second) {
      continue;
    }
    commits.push_back({version, event});
  }
  std::sort(commits.begin(), commits.end(),
            [](const Commit& a, const Commit& b) {
              return std::pair(a.version, a.event->start) <
                     std::pair(b.version, b.event->start);
            });
  return commits;
}

}  // namespace

void CutAtGap(const verify::History& round, uint64_t last_version,
              verify::History* strict) {
  const std::vector<const HistoryEvent*> events = round.Sorted();
  const std::vector<Commit> commits = CommitsOf(events);
  uint64_t gap = last_version + 1;
  // No commit beyond the gap took effect before the last one below it began.
  int64_t below = std::numeric_limits<int64_t>::min();
  int64_t beyond = std::numeric_limits<int64_t>::max();
  for (const Commit& commit : commits) {
    if (commit.version > gap) {
      beyond = std::min(beyond, commit.event->start);
    } else {
      below = commit.event->start;
      gap = std::max(gap, commit.version + 1);
    }
  }
  for (const HistoryEvent* event : events) {
    if (event->outcome == EventOutcome::kUnknown) {
      beyond = std::min(beyond, event->start);
    }
  }
  beyond = std::max(below, beyond);
  for (const HistoryEvent* event : events) {
    if (event->outcome == EventOutcome::kUnknown) continue;
    const uint64_t version = VersionOf(*event);
    if (version > 0 ? version < gap : event->end < beyond) {
      strict->recorder(0).Add(*event);
    }
  }
}

void CheckBeyondGap(const verify::History& round,
                    verify::Violations* violations) {
  const std::vector<Commit> commits = CommitsOf(round.Sorted());
  // From the last version to the first: each must have begun before any later
  // one had ended.
  int64_t first_end = std::numeric_limits<int64_t>::max();
  for (size_t i = commits.size(); i-- > 0;) {
    const Commit& commit = commits[i];
    if (commit.event->start > first_end) {
      violations->Add(
          verify::sort::kRealTimeOrder,
          absl::StrCat(std::string(commit.event->idempotency_key),
                       " began after a commit had ended whose version is "
                       "greater than its own, ",
                       commit.version));
    }
    first_end = std::min(first_end, commit.event->end);
    if (i > 0 && commits[i - 1].version == commit.version) {
      violations->Add(
          verify::sort::kSharedVersion,
          absl::StrCat(std::string(commit.event->idempotency_key), " and ",
                       std::string(commits[i - 1].event->idempotency_key), ": ",
                       commit.version));
    }
  }
}

}  // namespace latchkey::stress
