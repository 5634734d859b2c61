#include "client/verify/round.h"

#include <algorithm>
#include <functional>

namespace latchkey::verify {

Round::Round(const History& history) : events_(history.Sorted()) {
  GroupByKey();
  for (const HistoryEvent* event : events_) {
    const bool keyed =
        IsWrite(event->method) && !event->idempotency_key.empty();
    if (!keyed && event->method != Method::kGetOutcome) AddOne(*event);
  }
  ForEachKey([this](Events copies) {
    if (copies.size() == 1) {
      AddOne(*copies.front());
    } else {
      AddCopies(copies);
    }
  });
}

void Round::GroupByKey() {
  // Sorted by hash first: numbers compare faster than texts.
  struct Keyed {
    size_t hash;
    size_t index;
  };
  std::vector<Keyed> order;
  for (size_t i = 0; i < events_.size(); ++i) {
    const std::string_view key = events_[i]->idempotency_key;
    if (key.empty() || !IsWrite(events_[i]->method)) continue;
    order.push_back({std::hash<std::string_view>()(key), i});
  }
  const auto key_of = [this](const Keyed& keyed) {
    return events_[keyed.index]->idempotency_key;
  };
  std::sort(order.begin(), order.end(), [&](const Keyed& a, const Keyed& b) {
    if (a.hash != b.hash) return a.hash < b.hash;
    const int compared = key_of(a).compare(key_of(b));
    return compared != 0 ? compared < 0 : a.index < b.index;
  });
  keyed_.reserve(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    const bool same = i > 0 && order[i].hash == order[i - 1].hash &&
                      key_of(order[i]) == key_of(order[i - 1]);
    if (!same) groups_.push_back({.first = i, .size = 0});
    ++groups_.back().size;
    keyed_.push_back(events_[order[i].index]);
  }
}

void Round::AddOne(const HistoryEvent& event) {
  const LogicalOperation operation = {&event, event.start, event.end};
  if (IsDecided(event)) {
    decided_.push_back(operation);
  } else if (event.outcome == EventOutcome::kUnknown) {
    unsettled_.push_back(operation);
  } else {
    refused_.push_back(operation);
  }
}

bool Round::AddAnswers(Events copies) {
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
  decided_.insert(decided_.end(), answers.begin(), answers.end());
  return !answers.empty();
}

void Round::AddCopies(Events copies) {
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

}  // namespace latchkey::verify
