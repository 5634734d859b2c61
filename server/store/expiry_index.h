// ExpiryIndex finds the entries of a shard that have expired: their times,
// rounded, in one array by the places of the shard's EntryOrder, and for each
// block of places a time that is not after any of them (a zone map: Moerkotte,
// "Small Materialized Aggregates", VLDB 1998).
//
// So an entry costs 4 bytes, with or without an expiry; a change of an expiry
// writes to no other entry; and a sweep that finds nothing reads a word for
// each 256 entries.  A timing wheel (Varghese and Lauck, SOSP 1987) or a tree
// would know who expires next, for 16 bytes or more: nothing here asks that,
// since reads are exact by themselves.
//
// Invariants:
//   1. The array has the time of each entry of the order at its place, and no
//      time at others.
//   2. No time is before that of its block.
//
// Limit: what expires over nine years after the start is found by reads and
// eviction alone.
//
// Thread safety: the shard's mutex guards it.

#ifndef LATCHKEY_SERVER_STORE_EXPIRY_INDEX_H_
#define LATCHKEY_SERVER_STORE_EXPIRY_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "server/base/clock.h"
#include "server/store/chunked_array.h"
#include "server/store/entry.h"
#include "server/store/entry_order.h"

namespace latchkey {

class ExpiryIndex {
 public:
  // `order` must outlive the index; `start` is about when the server started.
  ExpiryIndex(const EntryOrder& order, UnixNanos start)
      : order_(order), start_(start) {}

  ExpiryIndex(const ExpiryIndex&) = delete;
  ExpiryIndex& operator=(const ExpiryIndex&) = delete;

  // `entry` was appended to the order.
  void Add(const Entry& entry);

  // `entry` has another expiry than before, or took another's place.
  void Set(const Entry& entry);

  // `entry` is about to be removed from the order.
  void Remove(const Entry& entry);

  // Finds entries that are expired at `now`, as many as `found` has room for,
  // and returns how many; in no order.  It looks at so much only that it takes
  // some microseconds: a later call looks on from there.
  //
  // REQUIRES: what an earlier call found was removed.
  size_t Find(UnixNanos now, std::span<Entry*> found);

  // Allocates for `entries` entries, and for no more.
  void Reserve(size_t entries);
  static size_t BytesOf(size_t entries) {
    return Times::BytesOf(entries) + Times::BytesOf(BlocksOf(entries));
  }
  // What of it is there twice while Reserve() makes it of `entries`.
  static size_t MovedBytes(size_t entries) {
    return Times::MovedBytes(entries) + Times::MovedBytes(BlocksOf(entries));
  }

  // How many entries have an expiry.
  size_t expiring() const { return expiring_; }

 private:
  // In kUnit from the start.
  using Time = uint32_t;
  using Times = ChunkedArray<Time>;
  static constexpr Time kNoTime = UINT32_MAX;
  // And all that is later.
  static constexpr Time kTimeMax = kNoTime - 1;

  // 2^32 of it are nine years.
  static constexpr Nanos kUnit = Nanos{1} << 26;

  // Places of a block: what is read for one entry that expires, against what
  // is read where none does.
  static constexpr size_t kBlock = kChunk;

  // How much a call looks at in vain: entries that expire within kUnit from
  // now, which are in no cache, and blocks, of which each counts as so many.
  static constexpr int kPatience = 64;
  static constexpr int kBlockPatience = 4;

  static size_t BlocksOf(size_t entries) {
    return (entries + kBlock - 1) / kBlock;
  }

  // How many places Find() asks memory for beyond those that it was at: the
  // next call, which holds the shard meanwhile, finds their entries there.
  static constexpr size_t kPrefetched = 16;

  Time ToTime(UnixNanos expire_time) const;
  void Store(uint32_t place, Time time);

  // Has the processor fetch the next entries before `end` that may be expired.
  void PrefetchDue(Time latest, size_t end) const;

  const EntryOrder& order_;
  const UnixNanos start_;
  Times times_{kNoTime};
  Times soonest_{kNoTime};
  size_t expiring_ = 0;
  // Where Find() goes on.
  size_t next_ = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_EXPIRY_INDEX_H_
