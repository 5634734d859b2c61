// EvictionQueues say which entry of a shard is to leave when memory is short.
//
//   kTinyLfu  TinyLFU (Einziger, Friedman, Manes: "TinyLFU: a highly efficient
//             cache admission policy", ACM TOS 2017) between two queues.  New
//             entries come into a small one of 5 % of the bytes.  The entry at
//             its end goes on to the main queue only where another leaves that,
//             of the next few at its end, which was used less often.  Uses are
//             counted in the entry, and in a FrequencyTable once it has left,
//             so that they are known when it comes back.  All counts are halved
//             now and then; how soon is found out by an AgeingDuel.
//   kS3Fifo   S3-FIFO (Yang, Zhang, Qiu, Yue, Rashmi: "FIFO queues are all you
//             need for cache eviction", SOSP 2023).  New entries come into a
//             small queue of 10 % of the bytes; those used twice or more when
//             they come to its end go on to the main queue, the others leave,
//             and a ghost of them stays.  One that comes back while its ghost
//             is there goes to the main queue at once.  There, an entry that
//             was used goes round again, with one use less.
//   kLru      the entry that was not used for longest.
//   kFifo     the entry that is here for longest.  No server is told to: others
//             are compared with it (tests/bench/cachesim).
//   kNone     nothing leaves.
//
// A use is a read or a write of the key.  The first two count up to some of
// them and so a use of an entry in demand writes nothing.
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
#include "server/store/ageing_duel.h"
#include "server/store/chunked_array.h"
#include "server/store/entry.h"
#include "server/store/entry_order.h"
#include "server/store/frequency_table.h"
#include "server/store/ghost_table.h"
#include "server/store/key_index.h"

namespace latchkey {

enum class EvictionPolicy : uint8_t { kTinyLfu, kS3Fifo, kLru, kFifo, kNone };

class EvictionQueues {
 public:
  // Whether the entry of a key must not leave now.
  using Keep = absl::FunctionRef<bool(std::string_view)>;

  // How many entries are moved within a queue or between two for one that
  // leaves.
  static constexpr size_t kReinsertionsMax = 16;

  // `order` and `ageing` must outlive the queues.
  EvictionQueues(EvictionPolicy policy, const EntryOrder& order,
                 AgeingDuel& ageing,
                 AgeingDuel::Role role = AgeingDuel::Role::kFollows)
      : policy_(policy),
        uses_max_(policy == EvictionPolicy::kTinyLfu  ? kUses
                  : policy == EvictionPolicy::kS3Fifo ? kUsesMaxOfS3Fifo
                                                      : uint8_t{0}),
        role_(role),
        order_(order),
        ageing_(ageing) {}

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
    if ((entry.uses() & kUses) < uses_max_) {
      entry.set_uses(entry.uses() + 1);
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

  // And what it writes, once that has come.
  void PrefetchNeighbours(const Entry& entry) const {
    if (policy_ == EvictionPolicy::kNone) return;
    const Links links = links_[entry.place()];
    if (links.older != kNoPlace) links_.Prefetch(links.older);
    if (links.newer != kNoPlace) links_.Prefetch(links.newer);
  }

  // The entry that Next() returned leaves for want of memory.
  void LeaveGhost(Entry& entry, uint32_t fingerprint);

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

  // What is remembered of keys that left: its memory, that for a shard of
  // `entries`, and makes it so large.  It does not grow by itself.
  size_t history_bytes() const {
    return GhostTable::BytesOf(ghosts_.slots()) +
           FrequencyTable::BytesOf(frequencies_.sets());
  }
  size_t HistoryBytes(size_t entries) const;
  void ResizeHistory(size_t entries);

  // What all entries take.
  size_t bytes() const { return small_.bytes + main_.bytes; }

 private:
  static constexpr uint32_t kNoPlace = KeyIndex::kNoPlace;

  // Of Entry::uses(): the count, in which queue the entry is, and of TinyLFU
  // the age at which the count was last halved.
  static constexpr uint8_t kUses = 15;
  static constexpr uint8_t kInMain = 16;
  static constexpr int kAgeShift = 5;
  static constexpr uint8_t kAge = 3 << kAgeShift;

  static constexpr uint8_t kUsesMaxOfS3Fifo = 3;

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

  void MoveToMain(Entry& entry);

  // Which entry leaves for `oldest`, the oldest of its queue: it or another;
  // nullptr: some were moved, and there is another oldest.
  Entry* JudgeByTinyLfu(Entry& oldest, Keep keep);
  Entry* JudgeByS3Fifo(Entry& oldest);

  // The least used of the next few that the main queue looks at, of which the
  // first may leave.
  Entry& LeastUsedOfMain(Keep keep) const;

  // Halves the count of `entry` as often as all were since it was last done.
  void Age(Entry& entry) const;

  void Prefetch(const Queue& queue) const;

  // The oldest entry of `queue` that may leave, or nullptr.
  Entry* OldestOf(const Queue& queue, Keep keep) const;

  const EvictionPolicy policy_;
  // Where a count of uses ends; none is kept by the other policies.
  const uint8_t uses_max_;
  const AgeingDuel::Role role_;
  const EntryOrder& order_;
  AgeingDuel& ageing_;
  // By place.
  ChunkedArray<Links> links_{{.older = kNoPlace, .newer = kNoPlace}};
  // LRU and FIFO have the main queue only; without eviction only the bytes are
  // kept.
  Queue small_;
  Queue main_;
  // What S3-FIFO, and TinyLFU, remember of keys that left.
  GhostTable ghosts_;
  FrequencyTable frequencies_;
  // The age of counts that are right, as of kAge, and how many entries have
  // left since it began.
  uint8_t age_ = 0;
  size_t left_ = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_EVICTION_QUEUES_H_
