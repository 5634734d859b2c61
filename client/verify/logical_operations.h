// LogicalOperations brings the events of a history together that are copies of
// one write, so that what had one effect is judged once.
//
// Copies have the same idempotency key, method and request.  All that were
// answered alike are one operation, from the start of the first to the end of
// the first that was answered; a copy that was answered otherwise is one of its
// own (and CheckCopies() has seen it).  An event with a used key and another
// request is left out where the server refused it or replayed an answer.
//
// Thread safety: plain values; a free function.

#ifndef LATCHKEY_CLIENT_VERIFY_LOGICAL_OPERATIONS_H_
#define LATCHKEY_CLIENT_VERIFY_LOGICAL_OPERATIONS_H_

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "client/verify/history.h"

namespace latchkey::verify {

struct LogicalOperation {
  // The first that was answered so.
  const HistoryEvent* event = nullptr;
  int64_t start = 0;
  int64_t end = 0;
};

struct LogicalOperations {
  // The server has looked at the state of the keys: an answer, or a refusal
  // that depends on them.
  std::vector<LogicalOperation> decided;
  // Nothing was looked at, nor changed: overload, a deadline, a bad request.
  std::vector<LogicalOperation> refused;
  // Nobody knows.
  std::vector<LogicalOperation> unsettled;
};

// Writes by their idempotency key, those of one key in the order of their
// starts.
using CopiesByKey =
    std::unordered_map<std::string_view, std::vector<const HistoryEvent*>>;

// `events` in the order of their starts, as History::Sorted() gives them.
CopiesByKey GroupByIdempotencyKey(
    const std::vector<const HistoryEvent*>& events);

// As above.
LogicalOperations FindLogicalOperations(
    const std::vector<const HistoryEvent*>& events);

// Whether the server has looked at the keys for this answer.
bool IsDecided(const HistoryEvent& event);

// Whether two events ask for the same, but for who asks.
bool SameRequest(const HistoryEvent& a, const HistoryEvent& b);

// Whether an error tells something about the keys of its request, as
// PRECONDITION_FAILED does.
bool IsDecision(const EventError& error);

// Whether two events of one write got the same answer; a time of an error or
// its text is none.
bool SameAnswer(const HistoryEvent& a, const HistoryEvent& b);

}  // namespace latchkey::verify

#endif  // LATCHKEY_CLIENT_VERIFY_LOGICAL_OPERATIONS_H_
