// EntryOrder owns a shard's entries, each at a place of its own that it keeps
// as long as it is there, so that a scan can walk them in slices, whatever
// happens to the shard between two of them.
//
// A scan walks from the end to the beginning and keeps the place where it is.
//
// Invariants:
//   1. An entry that replaces another takes its place; no other moves.  So a
//      walk sees each entry that is there throughout exactly once.
//   2. A new entry takes the place of one that was removed, where there is such
//      a place, or else the next one.  So a walk may see what came after it
//      began.
//
// Cost: 8 bytes for an entry, beside its place.
//
// Thread safety: the shard's mutex guards it.

#ifndef LATCHKEY_SERVER_STORE_ENTRY_ORDER_H_
#define LATCHKEY_SERVER_STORE_ENTRY_ORDER_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "server/store/chunked_array.h"
#include "server/store/entry.h"

namespace latchkey {

class EntryOrder {
 public:
  // Behind every entry: where a walk begins.
  static constexpr uint32_t kEnd = UINT32_MAX;

  EntryOrder() = default;
  ~EntryOrder();

  EntryOrder(const EntryOrder&) = delete;
  EntryOrder& operator=(const EntryOrder&) = delete;

  // How many entries there are.
  size_t size() const { return size_; }

  // All places are below it.
  uint32_t end() const { return end_; }

  // The place that the next new entry takes.
  uint32_t next_place() const { return free_ != kNone ? free_ : end_; }

  // Takes over `entry`, and returns it.
  //
  // REQUIRES: it is in no order, and Reserve() made room for it.
  Entry& Append(EntryRef entry);

  // Takes over `entry` for `replaced`, which is returned.
  //
  // REQUIRES: `replaced` is in this order and `entry` in none.
  EntryRef Replace(const Entry& replaced, EntryRef entry);

  // REQUIRES: `entry` is in this order.
  EntryRef Remove(const Entry& entry);

  // Allocates for `entries` entries, and for no more.
  void Reserve(size_t entries) { slots_.Reserve(entries); }
  static size_t BytesOf(size_t entries) { return Slots::BytesOf(entries); }
  // What of it is there twice while Reserve() makes it of `entries`.
  static size_t MovedBytes(size_t entries) {
    return Slots::MovedBytes(entries);
  }

  // REQUIRES: an entry is there.
  Entry& operator[](uint32_t place) const {
    return *reinterpret_cast<Entry*>(slots_[place]);
  }

  // Have the processor fetch where the entry of a place is, and then the entry.
  void PrefetchPlace(uint32_t place) const { slots_.Prefetch(place); }
  void PrefetchEntry(uint32_t place) const {
    __builtin_prefetch(reinterpret_cast<const void*>(slots_[place]), /*rw=*/1);
  }

  // Fetches into the cache what Replace() or Remove() of `entry` will write, so
  // that its commit does not wait for memory while it holds its locks.
  void Prefetch(const Entry& entry) const { slots_.Prefetch(entry.place()); }

  // Calls `take(entry)` with the entries below `*place`, at most `entries_max`,
  // the last first, until it returns false.  `*place` becomes one below which
  // all are still to be seen.  Returns how many entries it looked at, or could
  // have for what empty places cost: no more than `entries_max`.
  template <typename Take>
  size_t Walk(uint32_t* place, size_t entries_max, Take take) const {
    uint32_t next = std::min(*place, end_);
    for (uint32_t i = 1; i < kPrefetched && i <= next; ++i) {
      PrefetchEntry(next - i);
    }
    // Counted in empty places.
    const size_t patience =
        std::min(entries_max, SIZE_MAX / kEmptyPerEntry) * kEmptyPerEntry;
    size_t spent = 0;
    for (; spent + kEmptyPerEntry <= patience && next > 0; --next) {
      if (next >= kPrefetched) PrefetchEntry(next - kPrefetched);
      const Slot slot = slots_[next - 1];
      if (IsEmpty(slot)) {
        ++spent;
        continue;
      }
      spent += kEmptyPerEntry;
      if (!take(*reinterpret_cast<Entry*>(slot))) break;
    }
    *place = next;
    return (spent + kEmptyPerEntry - 1) / kEmptyPerEntry;
  }

 private:
  // An entry; or, of an empty place, the next such place and a low bit.
  using Slot = uintptr_t;
  using Slots = ChunkedArray<Slot>;

  static constexpr uint32_t kNone = UINT32_MAX;

  // How many entries a walk asks memory for ahead of the one it is at: most of
  // them are in no cache, and the walk holds the shard meanwhile.
  static constexpr uint32_t kPrefetched = 12;

  // As many empty places are passed in the time of an entry.
  static constexpr size_t kEmptyPerEntry = 16;

  static bool IsEmpty(Slot slot) { return (slot & 1) != 0; }
  static Slot EmptySlot(uint32_t next) { return Slot{next} << 1 | 1; }

  void Set(uint32_t place, EntryRef entry);

  Slots slots_{EmptySlot(kNone)};
  // Places from here on were never taken.
  uint32_t end_ = 0;
  uint32_t size_ = 0;
  // The empty place that is taken next.
  uint32_t free_ = kNone;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_ENTRY_ORDER_H_
