// EntryOrder is a shard's entries in an order that a scan can walk in slices,
// whatever happens to the shard between two of them.  The hash table's own
// order does not survive its growth.
//
// Each entry has a place, 0 ... size() - 1.  A scan walks from the end to the
// beginning and keeps the place where it is.
//
// Invariants:
//   1. New entries come at the end; one that replaces another takes its place.
//   2. A removal moves others into the gap, always to a lower place.  So a walk
//      sees each entry that is there throughout at least once, and keeps no
//      state in the shard.
//   3. What stands below a mark stays below it, and what does not, does not,
//      until it is removed.  So a walk that keeps a mark sees nothing twice.
//
// Cost: 8 bytes for an entry, beside its place.
//
// Thread safety: the shard's mutex guards it.

#ifndef LATCHKEY_SERVER_STORE_ENTRY_ORDER_H_
#define LATCHKEY_SERVER_STORE_ENTRY_ORDER_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "server/store/entry.h"

namespace latchkey {

class EntryOrder {
 public:
  // Behind every entry: where a walk begins.
  static constexpr uint32_t kEnd = UINT32_MAX;

  EntryOrder() = default;

  EntryOrder(const EntryOrder&) = delete;
  EntryOrder& operator=(const EntryOrder&) = delete;

  size_t size() const { return entries_.size(); }

  // REQUIRES: `entry` is in no order.
  void Append(Entry& entry);

  // REQUIRES: `replaced` is in this order and `entry` in none.
  void Replace(const Entry& replaced, Entry& entry);

  // Calls `moved(entry, from)` for each that moves into the gap, now in it.
  //
  // REQUIRES: `entry` is in this order.
  void Remove(const Entry& entry,
              absl::FunctionRef<void(const Entry&, uint32_t)> moved);

  // Allocates places for `entries` entries, and for no more.
  void Reserve(size_t entries) { entries_.reserve(entries); }

  // REQUIRES: place < size().
  Entry& operator[](uint32_t place) const { return *entries_[place]; }

  // Have the processor fetch where the entry of a place is, and then the entry.
  void PrefetchPlace(uint32_t place) const {
    __builtin_prefetch(&entries_[place]);
  }
  void PrefetchEntry(uint32_t place) const {
    __builtin_prefetch(entries_[place], /*rw=*/1);
  }

  // Fetches into the cache what Replace() or Remove() of `entry` will write, so
  // that its commit does not wait for memory while it holds its locks.
  void Prefetch(const Entry& entry) const {
    __builtin_prefetch(&entries_[entry.place_], /*rw=*/1);
    __builtin_prefetch(entries_.back(), /*rw=*/1);
  }

  // Keeps invariant 3 for `*mark`, which moves with removals, until
  // RemoveMark().
  //
  // REQUIRES: *mark <= size().
  void AddMark(uint32_t* mark) { marks_.push_back(mark); }
  void RemoveMark(uint32_t* mark) { std::erase(marks_, mark); }

  // Calls `take(entry)` with the entries below `*place`, at most `entries_max`,
  // the last first, until it returns false.  `*place` becomes that of the last
  // entry that was taken: those below it are still to be seen.
  template <typename Take>
  void Walk(uint32_t* place, size_t entries_max, Take take) const {
    // The order may have become shorter since.
    uint32_t next = std::min(*place, static_cast<uint32_t>(size()));
    for (uint32_t i = 1; i < kPrefetched && i <= next; ++i) {
      __builtin_prefetch(entries_[next - i], /*rw=*/1);
    }
    for (size_t i = 0; i < entries_max && next > 0; ++i) {
      if (next >= kPrefetched) {
        __builtin_prefetch(entries_[next - kPrefetched], /*rw=*/1);
      }
      if (!take(*entries_[next - 1])) break;
      --next;
    }
    *place = next;
  }

 private:
  // How many entries a walk asks memory for ahead of the one it is at: most of
  // them are in no cache, and the walk holds the shard meanwhile.
  static constexpr uint32_t kPrefetched = 12;

  void Set(uint32_t place, Entry* entry) {
    entries_[place] = entry;
    entry->place_ = place;
  }

  // Contiguous, so that a change of an entry costs one access to memory.  When
  // it grows it moves 8 bytes for an entry, which is little beside the growth
  // of the hash table.
  std::vector<Entry*> entries_;
  std::vector<uint32_t*> marks_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_ENTRY_ORDER_H_
