// MemoryBudget is what the store may hold in memory, and what it does.  A
// MemoryRoom is a part of it that one operation has taken for what it is going
// to make.
//
// What counts, and who answers for it:
//
//   entries    from Entry::Make() to the end of the last reference: held by a
//              shard, as an image of a snapshot, or on its way to a client
//   structure  a shard's table, order, queues, ghosts and expiry index, by
//              their capacity (Shard)
//   records    those of the ledger (LedgerBudget)
//   images     what refers to an entry that a snapshot still needs
//
// Of the bound, usable() may be less: the allocator loses memory between what
// is counted, and it is what the process holds that must be within a limit
// (ResidentLimit).
//
// Invariant: used() is at most usable(), but for what that was lowered by and
// has not been evicted yet, and what is taken without asking, by Take(): the
// references to images of commits that are just being made, and the ghosts of a
// shard that is just evicting.  Both are paid back by evicting before the next
// room is given.
//
// Thread safety: the methods of MemoryBudget may be called from any thread; a
// MemoryRoom belongs to one.  The count agrees with nothing else, so it is
// relaxed: one word, one operation.
//
// Example:
//   MemoryRoom room(budget);
//   if (!room.TryGrow(Entry::BytesOf(key, value, 0, kNoAccount))) {
//     return OutOfMemoryError();
//   }
//   EntryRef entry = Entry::Make(key, value, 0, kNever, &room);

#ifndef LATCHKEY_SERVER_STORE_MEMORY_BUDGET_H_
#define LATCHKEY_SERVER_STORE_MEMORY_BUDGET_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "server/base/check.h"

namespace latchkey {

// Aligned so that the word which every write changes is alone.
class alignas(64) MemoryBudget {
 public:
  // More than any machine has, and no sum with it wraps round.
  static constexpr size_t kNoLimit = SIZE_MAX / 4;

  explicit MemoryBudget(size_t bytes_max = kNoLimit);
  ~MemoryBudget();

  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  // Takes `bytes`.  False where they are not free, and nothing is taken.
  bool TryTake(size_t bytes) {
    // Added first and taken back where it was too much: two that race for the
    // last bytes may both be refused, but never both admitted.
    if (used_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= usable()) {
      return true;
    }
    used_.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
  }

  void Take(size_t bytes) { used_.fetch_add(bytes, std::memory_order_relaxed); }
  void Give(size_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }

  size_t used() const { return used_.load(std::memory_order_relaxed); }
  size_t bytes_max() const { return bytes_max_; }

  // How much of bytes_max() may be used at present.
  size_t usable() const { return usable_.load(std::memory_order_relaxed); }

  // REQUIRES: bytes <= bytes_max().
  void SetUsable(size_t bytes) {
    LATCHKEY_CHECK(bytes <= bytes_max_, "the bound is a bound");
    usable_.store(bytes, std::memory_order_relaxed);
  }

  // The number by which an entry knows its budget, in a byte: a pointer would
  // cost every entry 8.
  uint8_t id() const { return id_; }

  // The budget of `id`, or nullptr where there is none or it has ended.
  static MemoryBudget* Of(uint8_t id) {
    return budgets_[id].load(std::memory_order_relaxed);
  }

 private:
  // A process has one; tests have some.  0 is none.
  static std::array<std::atomic<MemoryBudget*>, 256> budgets_;

  const size_t bytes_max_;
  const uint8_t id_;
  std::atomic<size_t> usable_;
  std::atomic<size_t> used_ = 0;
};

class [[nodiscard]] MemoryRoom {
 public:
  // `budget` must outlive the room.
  explicit MemoryRoom(MemoryBudget& budget) : budget_(budget) {}

  // Gives back what was not spent.
  ~MemoryRoom() {
    if (bytes_ != 0) budget_.Give(bytes_);
  }

  MemoryRoom(const MemoryRoom&) = delete;
  MemoryRoom& operator=(const MemoryRoom&) = delete;

  // Makes the room one of `bytes` at least.  False: they are not free.
  bool TryGrow(size_t bytes) {
    if (bytes <= bytes_) return true;
    if (!budget_.TryTake(bytes - bytes_)) return false;
    bytes_ = bytes;
    return true;
  }

  // Leaves `bytes` of the room to something that will give them back itself.
  void Spend(size_t bytes) {
    LATCHKEY_CHECK(bytes <= bytes_, "what is spent was taken before");
    bytes_ -= bytes;
  }

  size_t bytes() const { return bytes_; }
  MemoryBudget& budget() const { return budget_; }

 private:
  MemoryBudget& budget_;
  size_t bytes_ = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_MEMORY_BUDGET_H_
