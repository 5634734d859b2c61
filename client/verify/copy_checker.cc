#include "client/verify/copy_checker.h"

#include <string>
#include <utility>

#include "client/verify/event_text.h"
#include "client/verify/round.h"

namespace latchkey::verify {
namespace {

bool IsReuseRefusal(const HistoryEvent& event) {
  return event.error != nullptr &&
         event.error->reason == "IDEMPOTENCY_KEY_REUSED";
}

void Report(std::string_view sort, const HistoryEvent& event,
            const HistoryEvent* earlier, Violations* violations) {
  std::string detail;
  if (violations->WantsDetail(sort)) {
    detail = EventText(event);
    if (earlier != nullptr) detail += " after " + EventText(*earlier);
  }
  violations->Add(sort, std::move(detail));
}

// The first event with the request of `copies` that was answered.
const HistoryEvent* FirstAnswered(Events copies) {
  const HistoryEvent* first = nullptr;
  for (const HistoryEvent* event : copies) {
    if (IsDecided(*event) && SameRequest(*event, *copies.front()) &&
        (first == nullptr || event->end < first->end)) {
      first = event;
    }
  }
  return first;
}

void CheckCopy(const HistoryEvent& copy, const HistoryEvent& first,
               Violations* violations) {
  if (!IsDecided(copy)) return;
  if (!SameAnswer(copy, first)) {
    Report(sort::kCopyDiffers, copy, &first, violations);
  } else if (copy.start >= first.end && !copy.replayed) {
    Report(sort::kCopyNotReplayed, copy, &first, violations);
  }
}

// A request of its own under the key of `first`.
void CheckReuse(const HistoryEvent& reuse, const HistoryEvent& first,
                Violations* violations) {
  // Before the first was answered, which of them took the key is open.
  if (reuse.start < first.end || IsReuseRefusal(reuse)) return;
  if (IsDecided(reuse)) {
    Report(sort::kReuseAccepted, reuse, &first, violations);
  }
}

void CheckKey(Events copies, Violations* violations) {
  const HistoryEvent* const first = FirstAnswered(copies);
  bool reused = false;
  for (const HistoryEvent* event : copies) {
    const bool same = SameRequest(*event, *copies.front());
    reused = reused || !same;
    if (first == nullptr || event == first) continue;
    if (same) {
      CheckCopy(*event, *first, violations);
    } else {
      CheckReuse(*event, *first, violations);
    }
  }
  for (const HistoryEvent* event : copies) {
    if (IsReuseRefusal(*event) && !reused) {
      Report(sort::kReuseInvented, *event, nullptr, violations);
    }
  }
}

}  // namespace

void CheckCopies(const Round& round, Violations* violations) {
  round.ForEachKey([&](Events copies) { CheckKey(copies, violations); });
}

}  // namespace latchkey::verify
