#include "client/verify/logical_operations.h"

#include <algorithm>
#include <utility>

namespace latchkey::verify {
namespace {

using Copies = std::vector<const HistoryEvent*>;

class Finder {
 public:
  void AddOne(const HistoryEvent& event) {
    const LogicalOperation operation = {&event, event.start, event.end};
    if (IsDecided(event)) {
      found_.decided.push_back(operation);
    } else if (event.outcome == EventOutcome::kUnknown) {
      found_.unsettled.push_back(operation);
    } else {
      found_.refused.push_back(operation);
    }
  }

  void AddCopies(const Copies& copies);

  LogicalOperations Take() { return std::move(found_); }

 private:
  // Adds those of `copies` that were decided, each answer once; false where
  // none was.
  bool AddAnswers(const Copies& copies);

  LogicalOperations found_;
};

bool Finder::AddAnswers(const Copies& copies) {
  const HistoryEvent& first = *copies.front();
  std::vector<LogicalOperation> answers;
  for (const HistoryEvent* event : copies) {
    if (!IsDecided(*event) || !SameRequest(first, *event)) continue;
    const auto same = std::find_if(
        answers.begin(), answers.end(),
        [&](const auto& answer) { return SameAnswer(*answer.event, *event); });
    if (same == answers.end()) {
      answers.push_back({event, first.start, event->end});
    } else {
      same->end = std::min(same->end, event->end);
    }
  }
  for (const LogicalOperation& answer : answers) {
    found_.decided.push_back(answer);
  }
  return !answers.empty();
}

void Finder::AddCopies(const Copies& copies) {
  const HistoryEvent& first = *copies.front();
  for (const HistoryEvent* event : copies) {
    // Whatever it did under a key that was taken, it did as another write.
    if (!SameRequest(first, *event) && !event->replayed &&
        event->outcome == EventOutcome::kOk) {
      AddOne(*event);
    }
  }
  if (AddAnswers(copies)) return;
  // One copy of which nothing is known is enough to know nothing.
  const auto unknown =
      std::find_if(copies.begin(), copies.end(), [&](const auto* event) {
        return event->outcome == EventOutcome::kUnknown &&
               SameRequest(first, *event);
      });
  AddOne(unknown == copies.end() ? first : **unknown);
}

}  // namespace

bool IsDecision(const EventError& error) {
  // Where GetOutcome told of an error, nothing but the code is known.
  if (error.reason.empty()) {
    return error.code == "ABORTED" || error.code == "ALREADY_EXISTS" ||
           error.code == "NOT_FOUND" || error.code == "OUT_OF_RANGE" ||
           error.code == "FAILED_PRECONDITION";
  }
  return error.reason == "PRECONDITION_FAILED" ||
         error.reason == "KEY_EXISTS" || error.reason == "KEY_NOT_FOUND" ||
         error.reason == "COUNTER_LIMIT" || error.reason == "NOT_A_COUNTER";
}

bool IsDecided(const HistoryEvent& event) {
  return event.outcome == EventOutcome::kOk ||
         (event.outcome == EventOutcome::kNotApplied &&
          event.error != nullptr && IsDecision(*event.error));
}

bool SameRequest(const HistoryEvent& a, const HistoryEvent& b) {
  return a.method == b.method && a.request == b.request;
}

bool SameAnswer(const HistoryEvent& a, const HistoryEvent& b) {
  if (a.outcome != b.outcome) return false;
  if (a.outcome == EventOutcome::kOk) return a.response == b.response;
  if (a.error == nullptr || b.error == nullptr) return a.error == b.error;
  if (a.error->code != b.error->code) return false;
  if (a.error->reason.empty() || b.error->reason.empty()) return true;
  return a.error->reason == b.error->reason &&
         a.error->metadata == b.error->metadata;
}

CopiesByKey GroupByIdempotencyKey(
    const std::vector<const HistoryEvent*>& events) {
  CopiesByKey copies;
  copies.reserve(events.size());
  for (const HistoryEvent* event : events) {
    if (event->idempotency_key.empty() || !IsWrite(event->method)) continue;
    copies[event->idempotency_key].push_back(event);
  }
  return copies;
}

LogicalOperations FindLogicalOperations(
    const std::vector<const HistoryEvent*>& events) {
  Finder finder;
  const CopiesByKey by_key = GroupByIdempotencyKey(events);
  for (const HistoryEvent* event : events) {
    if (event->method == Method::kGetOutcome) continue;
    const auto copies = by_key.find(event->idempotency_key);
    if (copies == by_key.end() || copies->second.size() == 1) {
      finder.AddOne(*event);
    } else if (copies->second.front() == event) {
      finder.AddCopies(copies->second);
    }
  }
  return finder.Take();
}

}  // namespace latchkey::verify
