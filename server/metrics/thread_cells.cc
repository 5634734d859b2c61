#include "server/metrics/thread_cells.h"

#include <bit>

namespace latchkey {
namespace {

// One bit for each slot that a living thread has.  A thread that ends clears
// its bit with release, and the one that sets it next observes that with
// acquire: so it sees the cells as they were left, and adds to them.
//
// No mutex: a counter may be touched first where a leaf is held.
constinit std::atomic<uint64_t> slots_taken = 0;

}  // namespace

static_assert(ThreadCells::kOwnRowsMax == 64, "a slot is a bit of slots_taken");

struct ThreadCells::SlotOwner {
  ~SlotOwner() {
    const size_t slot = thread_slot_;
    // What still counts in this thread, as other objects of it end, shares.
    thread_slot_ = kSharedSlot;
    if (slot < kSharedSlot) {
      slots_taken.fetch_and(~(uint64_t{1} << slot), std::memory_order_release);
    }
  }
};

void ThreadCells::TakeSlot() {
  static thread_local SlotOwner owner;
  static_cast<void>(owner);
  thread_slot_ = kSharedSlot;
  uint64_t taken = slots_taken.load(std::memory_order_relaxed);
  while (taken != UINT64_MAX) {
    const int slot = std::countr_one(taken);
    if (slots_taken.compare_exchange_weak(taken, taken | uint64_t{1} << slot,
                                          std::memory_order_acquire,
                                          std::memory_order_relaxed)) {
      thread_slot_ = static_cast<size_t>(slot);
      return;
    }
  }
}

ThreadCells::ThreadCells(size_t count) : line_count_((count + 7) / 8) {
  MakeRow(kSharedSlot);
}

ThreadCells::~ThreadCells() {
  for (const std::atomic<Line*>& row : rows_) {
    delete[] row.load(std::memory_order_acquire);
  }
}

ThreadCells::Line* ThreadCells::MakeRow(size_t slot) {
  Line* lines = new Line[line_count_];
  rows_[slot].store(lines, std::memory_order_release);
  return lines;
}

uint64_t ThreadCells::Sum(size_t index) const {
  uint64_t sum = 0;
  for (const std::atomic<Line*>& row : rows_) {
    const Line* lines = row.load(std::memory_order_acquire);
    if (lines == nullptr) continue;
    sum += lines[index / 8].cells[index % 8].load(std::memory_order_relaxed);
  }
  return sum;
}

}  // namespace latchkey
