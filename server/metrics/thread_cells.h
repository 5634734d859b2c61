// ThreadCells is a row of counters that many threads add to and few read: each
// thread adds to cells of its own, and a reader sums them.  An addition touches
// no memory that another thread writes, so it costs a load and a store.
//
// A thread that ends leaves its cells behind, and a later thread goes on with
// them, so nothing is lost and nothing grows with the number of threads that
// came and went.  Up to kOwnRowsMax threads at a time have cells of their own;
// any more share one row, by atomic addition.
//
// Thread safety: all methods may be called from any thread.
// Memory ordering: relaxed.  A sum holds at least what happened before it was
// asked for; the sums of two cells agree with nothing.
//
// Example:
//   ThreadCells cells(2);
//   const ThreadCells::Row row = cells.OfThisThread();
//   row.Add(0, 1);
//   row.Add(1, bytes);
//   ...
//   cells.Sum(1);

#ifndef LATCHKEY_SERVER_METRICS_THREAD_CELLS_H_
#define LATCHKEY_SERVER_METRICS_THREAD_CELLS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace latchkey {

class ThreadCells {
 private:
  // As many cells as a cache line has room for, so that no line is written by
  // two rows.
  struct alignas(64) Line {
    std::array<std::atomic<uint64_t>, 8> cells = {};
  };

 public:
  // Threads that have a row of their own: more than a server has cores.
  static constexpr size_t kOwnRowsMax = 64;

  // The cells that the calling thread adds to.  It must not outlive the
  // ThreadCells, nor be handed to another thread.
  class Row {
   public:
    // REQUIRES: index < count.
    void Add(size_t index, uint64_t amount) const {
      std::atomic<uint64_t>& cell = lines_[index / 8].cells[index % 8];
      if (shared_) [[unlikely]] {
        cell.fetch_add(amount, std::memory_order_relaxed);
      } else {
        // No one else writes this cell.
        cell.store(cell.load(std::memory_order_relaxed) + amount,
                   std::memory_order_relaxed);
      }
    }

   private:
    friend class ThreadCells;

    Row(Line* lines, bool shared) : lines_(lines), shared_(shared) {}

    Line* lines_;
    bool shared_;
  };

  // `count` cells, all 0.
  explicit ThreadCells(size_t count);
  ~ThreadCells();

  ThreadCells(const ThreadCells&) = delete;
  ThreadCells& operator=(const ThreadCells&) = delete;

  Row OfThisThread() {
    const size_t slot = ThreadSlot();
    Line* lines = rows_[slot].load(std::memory_order_relaxed);
    if (lines == nullptr) [[unlikely]]
      lines = MakeRow(slot);
    return Row(lines, slot == kSharedSlot);
  }

  // The sum of all rows.  REQUIRES: index < count.
  uint64_t Sum(size_t index) const;

 private:
  static constexpr size_t kSharedSlot = kOwnRowsMax;
  static constexpr size_t kNoSlot = kSharedSlot + 1;

  // Gives the slot of a thread back when the thread ends.
  struct SlotOwner;

  // Which row the calling thread adds to.  Of the threads that live, at most
  // one has a given slot below kSharedSlot.
  static size_t ThreadSlot() {
    if (thread_slot_ == kNoSlot) [[unlikely]]
      TakeSlot();
    return thread_slot_;
  }
  static void TakeSlot();

  Line* MakeRow(size_t slot);

  static inline constinit thread_local size_t thread_slot_ = kNoSlot;

  // Constant after construction.
  const size_t line_count_;

  // Synchronises itself.  Made by the first thread of its slot, which publishes
  // it with release; Sum() observes it with acquire.  The shared row is there
  // from the beginning.
  std::array<std::atomic<Line*>, kOwnRowsMax + 1> rows_ = {};
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_METRICS_THREAD_CELLS_H_
