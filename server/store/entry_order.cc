#include "server/store/entry_order.h"

#include "server/base/check.h"

namespace latchkey {

void EntryOrder::Append(Entry& entry) {
  LATCHKEY_CHECK(entries_.size() < kEnd, "a place has 32 bits");
  entry.place_ = static_cast<uint32_t>(entries_.size());
  entries_.push_back(&entry);
}

void EntryOrder::Replace(const Entry& replaced, Entry& entry) {
  Set(replaced.place_, &entry);
}

// The last entry goes into the gap; where marks stand between the two, each
// lets the entry just below it pass into the gap and takes its place: the gap
// goes up, mark by mark, to the end.
void EntryOrder::Remove(const Entry& entry,
                        absl::FunctionRef<void(const Entry&, uint32_t)> moved) {
  uint32_t gap = entry.place_;
  if (!marks_.empty()) {
    std::sort(marks_.begin(), marks_.end(),
              [](const uint32_t* a, const uint32_t* b) { return *a < *b; });
    for (uint32_t* mark : marks_) {
      if (*mark <= gap) continue;
      const uint32_t below = --*mark;
      if (below != gap) {
        Set(gap, entries_[below]);
        moved(*entries_[gap], below);
      }
      gap = below;
    }
  }
  Entry* const last = entries_.back();
  entries_.pop_back();
  if (gap < entries_.size()) {
    Set(gap, last);
    moved(*last, static_cast<uint32_t>(entries_.size()));
  }
}

}  // namespace latchkey
