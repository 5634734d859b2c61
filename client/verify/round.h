// Round is a history made ready for the checkers: its events in the order of
// their starts, those of one idempotency key together, and what had one effect
// brought together as one operation.
//
// Copies of a write have the same idempotency key, method and request.  All
// that were answered alike are one operation, from the start of the first to
// the end of the first that was answered; a copy that was answered otherwise is
// an operation of its own (and CheckCopies() has seen it).  An event with a
// used key and another request is left out where the server refused it or
// replayed an answer.
//
// Thread safety: immutable; the free functions have no shared state.

#ifndef LATCHKEY_CLIENT_VERIFY_ROUND_H_
#define LATCHKEY_CLIENT_VERIFY_ROUND_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "client/verify/history.h"

namespace latchkey::verify {

struct LogicalOperation {
  // The first that was answered so.
  const HistoryEvent* event = nullptr;
  int64_t start = 0;
  int64_t end = 0;
};

// Events, in the order of their starts.
using Events = std::span<const HistoryEvent* const>;

class Round {
 public:
  // Implicit, so that checkers can be called with a history.  The history
  // outlives this object, and is not changed meanwhile.
  Round(const History& history);

  // All of them.
  Events events() const { return events_; }

  // Operations of which the server has looked at the state of the keys: there
  // is an answer, or a refusal that depends on them.
  const std::vector<LogicalOperation>& decided() const { return decided_; }
  // Nothing was looked at, nor changed: overload, a deadline, a bad request.
  const std::vector<LogicalOperation>& refused() const { return refused_; }
  // Nobody knows.
  const std::vector<LogicalOperation>& unsettled() const { return unsettled_; }

  // Calls `visit(Events)` for each idempotency key.
  template <typename Visitor>
  void ForEachKey(Visitor visit) const {
    for (const Group& group : groups_) {
      visit(Events(keyed_).subspan(group.first, group.size));
    }
  }

 private:
  // Events keyed_[first] on.
  struct Group {
    size_t first;
    size_t size;
  };

  void GroupByKey();
  void AddOne(const HistoryEvent& event);
  void AddCopies(Events copies);
  // False where none of `copies` was decided.
  bool AddAnswers(Events copies);

  std::vector<const HistoryEvent*> events_;
  // The writes with an idempotency key, by key and start.
  std::vector<const HistoryEvent*> keyed_;
  std::vector<Group> groups_;
  std::vector<LogicalOperation> decided_;
  std::vector<LogicalOperation> refused_;
  std::vector<LogicalOperation> unsettled_;
};

// Whether an error tells something about the keys of its request, as
// PRECONDITION_FAILED does.
bool IsDecision(const EventError& error);

// Whether the server has looked at the keys for this answer.
bool IsDecided(const HistoryEvent& event);

// Whether two events ask for the same, but for who asks.
bool SameRequest(const HistoryEvent& a, const HistoryEvent& b);

// Whether two events of one write got the same answer; a text for people is
// none, nor is what GetOutcome does not tell.
bool SameAnswer(const HistoryEvent& a, const HistoryEvent& b);

}  // namespace latchkey::verify

#endif  // LATCHKEY_CLIENT_VERIFY_ROUND_H_
