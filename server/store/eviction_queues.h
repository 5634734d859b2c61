// EvictionQueues say which entry of a shard is to leave when memory is short.
//
//   kS3Fifo  S3-FIFO (Yang, Zhang, Qiu, Yue, Rashmi: "FIFO queues are all you
//            need for cache eviction", SOSP 2023).  New entries come into a
//            small queue of 10 % of the bytes; those used twice or more when
//            they come to its end go on to the main queue, the others leave,
//            and a ghost of them stays.  One that comes back while its ghost is
//            there goes to the main queue at once.  There, an entry that was
//            used goes round again, with one use less.
//   kLru     the entry that was not used for longest.
//   kFifo    the entry that is here for longest.  No server is told to: others
//            are compared with it (tests/bench/cachesim).
//   kNone    nothing leaves.
//
// A use is a read or a write of the key.  S3-FIFO counts up to three of them
// and so a use of an entry in demand writes nothing.
//
// The queues are lists through the places of the shard's EntryOrder: 6 bytes
// for an entry.
//
// Thread safety: the shard's mutex guards it.

#ifndef LATCHKEY_SERVER_STORE_EVICTION_QUEUES_H_
#define LATCHKEY_SERVER_STORE_EVICTION_QUEUES_H_

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "server/store/chunked_array.h"
#include "server/store/entry.h"
#include "server/store/entry_order.h"
#include "server/store/ghost_table.h"
#include "server/store/key_index.h"

namespace latchkey {

enum class EvictionPolicy : uint8_t { kS3Fifo, kLru, kFifo, kNone };

class EvictionQueues {
 public:
  // Whether the entry of a key must not leave now.
  using Keep = absl::FunctionRef<bool(std::string_view)>;

  // How many entries are moved within a queue or between two for one that
  // leaves.
  static constexpr size_t kReinsertionsMax = 16;

  // `order` must outlive the queues.
  EvictionQueues(EvictionPolicy policy, const EntryOrder& order)
      : policy_(policy), order_(order) {}

  EvictionQueues(const EvictionQueues&) = delete;
  EvictionQueues& operator=(const EvictionQueues&) = delete;

  // `entry` was appended to the order.  `fingerprint` is of its key.
  void Add(Entry& entry, uint32_t fingerprint);

  // `entry` took the place of `replaced` in the order, and takes its place
  // here.
  void Replace(const Entry& replaced, Entry& entry);

  // `entry` is about to be removed from the order.
  void Remove(const Entry& entry);

  // `entry` was used.
  void Use(Entry& entry) {
    if (policy_ == EvictionPolicy::kS3Fifo) {
      if ((entry.uses() & kUses) < kUsesMax) entry.set_uses(entry.uses() + 1);
    } else if (policy_ == EvictionPolicy::kLru) {
      MakeNewest(entry);
    }
  }

  // The entry that is to leave, or nullptr.
  Entry* Next(Keep keep);

  // Has the processor fetch the entries that Next() looks at first: none of
  // them was used for long, so that they are in no cache, and one after the
  // other would be waited for.
  void PrefetchNext() const;

  // Has the processor fetch what Remove() of `entry` reads first.
  void Prefetch(const Entry& entry) const {
    if (policy_ == EvictionPolicy::kNone) return;
    links_.Prefetch(entry.place());
  }

  // The entry that Next() returned leaves for want of memory.
  void LeaveGhost(const Entry& entry, uint32_t fingerprint);

  // Allocates links for `entries` entries, and for no more.
  void Reserve(size_t entries) {
    if (policy_ != EvictionPolicy::kNone) links_.Reserve(entries);
  }
  size_t BytesOf(size_t entries) const {
    using Array = ChunkedArray<Links>;
    return policy_ == EvictionPolicy::kNone ? 0 : Array::BytesOf(entries);
  }
  // What of it is there twice while Reserve() makes it of `entries`.
  size_t MovedBytes(size_t entries) const {
    using Array = ChunkedArray<Links>;
    return policy_ == EvictionPolicy::kNone ? 0 : Array::MovedBytes(entries);
  }

  // The ghosts, which are kept by S3-FIFO alone.
  GhostTable* ghosts() {
    return policy_ == EvictionPolicy::kS3Fifo ? &ghosts_ : nullptr;
  }

  size_t ghost_slots() const { return ghosts_.slots(); }

  // What all entries take.
  size_t bytes() const { return small_.bytes + main_.bytes; }

 private:
  static constexpr uint32_t kNoPlace = KeyIndex::kNoPlace;

  // Of Entry::uses(): the count, and in which queue the entry is.
  static constexpr uint8_t kUses = 3;
  static constexpr uint8_t kUsesMax = 3;
  static constexpr uint8_t kInMain = 4;

  // How often an entry must have been used to stay beyond the small queue.
  static constexpr uint8_t kUsesToStay = 2;

  // A place in three bytes.
  class PackedPlace {
   public:
    PackedPlace() = default;
    PackedPlace(uint32_t place) { *this = place; }  // NOLINT: as a uint32_t.
    PackedPlace& operator=(uint32_t place) {
      std::memcpy(bytes_, &place, sizeof(bytes_));
      return *this;
    }
    operator uint32_t() const {  // NOLINT: as a uint32_t.
      uint32_t place = 0;
      std::memcpy(&place, bytes_, sizeof(bytes_));
      return place;
    }

   private:
    static_assert(std::endian::native == std::endian::little);
    uint8_t bytes_[3] = {};
  };

  struct Links {
    PackedPlace older;
    PackedPlace newer;
  };
  static_assert(sizeof(Links) == 6);

  struct Queue {
    uint32_t oldest = kNoPlace;
    uint32_t newest = kNoPlace;
    size_t bytes = 0;
  };

  Queue& QueueOf(const Entry& entry) {
    return (entry.uses() & kInMain) != 0 ? main_ : small_;
  }
  void Push(Queue& queue, const Entry& entry);
  void Unlink(const Entry& entry);
  void MakeNewest(Entry& entry) {
    Unlink(entry);
    Push(QueueOf(entry), entry);
  }

  // The queue whose oldest entry is looked at next; both may be empty.
  const Queue& QueueToShorten() const;

  // Whether `entry`, the oldest of its queue, stays for now; it is moved then.
  bool GivesWay(Entry& entry);

  // The oldest entry of `queue` that may leave, or nullptr.
  Entry* OldestOf(const Queue& queue, Keep keep) const;

  const EvictionPolicy policy_;
  const EntryOrder& order_;
  // By place.
  ChunkedArray<Links> links_{{.older = kNoPlace, .newer = kNoPlace}};
  // LRU and FIFO have the main queue only; without eviction only the bytes are
  // kept.
  Queue small_;
  Queue main_;
  GhostTable ghosts_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_EVICTION_QUEUES_H_
