#include "server/metrics/thread_cells.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>
#include <vector>

namespace latchkey {
namespace {

TEST(ThreadCellsTest, CellsBeginAt0AndDoNotMix) {
  ThreadCells cells(17);
  ThreadCells others(17);
  for (size_t i = 0; i < 17; ++i) EXPECT_EQ(cells.Sum(i), 0u);
  const ThreadCells::Row row = cells.OfThisThread();
  for (size_t i = 0; i < 17; ++i) row.Add(i, i);
  row.Add(16, 100);
  for (size_t i = 0; i < 16; ++i) EXPECT_EQ(cells.Sum(i), i);
  EXPECT_EQ(cells.Sum(16), 116u);
  for (size_t i = 0; i < 17; ++i) EXPECT_EQ(others.Sum(i), 0u);
}

// More at a time than there are rows of their own, so that some share one.
TEST(ThreadCellsTest, SumsOverThreadsThatLiveAtOneTime) {
  constexpr size_t kThreads = ThreadCells::kOwnRowsMax + 16;
  // Enough for two that share to meet.
  constexpr uint64_t kAdds = 100'000;
  ThreadCells cells(2);
  {
    std::latch all_here(kThreads);
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        const ThreadCells::Row row = cells.OfThisThread();
        row.Add(1, 1);
        all_here.arrive_and_wait();
        for (uint64_t j = 0; j < kAdds; ++j) row.Add(0, 1);
      });
    }
  }
  EXPECT_EQ(cells.Sum(0), kThreads * kAdds);
  EXPECT_EQ(cells.Sum(1), kThreads);
}

// Many more than there are rows, one after the other: each takes over what an
// earlier one left.
TEST(ThreadCellsTest, LosesNothingOfThreadsThatEnded) {
  constexpr uint64_t kThreads = 4 * ThreadCells::kOwnRowsMax;
  ThreadCells cells(1);
  for (uint64_t i = 0; i < kThreads; ++i) {
    std::thread([&cells] { cells.OfThisThread().Add(0, 1); }).join();
  }
  EXPECT_EQ(cells.Sum(0), kThreads);
}

// Threads come and go while others count and one reads.
TEST(ThreadCellsTest, ASumOnlyGrowsAndIsWholeAtTheEnd) {
  constexpr uint64_t kLives = 200;
  ThreadCells cells(1);
  std::atomic<bool> done = false;
  std::jthread reader([&] {
    uint64_t last = 0;
    while (!done.load()) {
      const uint64_t sum = cells.Sum(0);
      EXPECT_GE(sum, last);
      last = sum;
    }
  });
  {
    std::vector<std::jthread> starters;
    for (int i = 0; i < 4; ++i) {
      starters.emplace_back([&cells] {
        for (uint64_t life = 0; life < kLives; ++life) {
          std::thread([&cells] {
            for (int j = 0; j < 10; ++j) cells.OfThisThread().Add(0, 1);
          }).join();
        }
      });
    }
  }
  done.store(true);
  EXPECT_EQ(cells.Sum(0), 4 * kLives * 10);
}

// Enough for two that share to meet.
constexpr uint64_t kLastAdds = 5'000'000;

void AddMany(ThreadCells& cells) {
  const ThreadCells::Row row = cells.OfThisThread();
  for (uint64_t i = 0; i < kLastAdds; ++i) row.Add(0, 1);
}

// An object of a thread that counts as it ends, after the thread's slot was
// given back, while another thread has taken that slot.
struct CountsAtItsEnd {
  ~CountsAtItsEnd() {
    if (cells == nullptr) return;
    std::jthread heir([this] { AddMany(*cells); });
    AddMany(*cells);
  }
  ThreadCells* cells = nullptr;
};
thread_local CountsAtItsEnd counts_at_its_end;

TEST(ThreadCellsTest, CountsWhileItsThreadEnds) {
  ThreadCells cells(1);
  std::thread([&cells] {
    // Made before the slot's owner, so it ends after that.
    counts_at_its_end.cells = &cells;
    cells.OfThisThread().Add(0, 1);
  }).join();
  EXPECT_EQ(cells.Sum(0), 2 * kLastAdds + 1);
}

}  // namespace
}  // namespace latchkey
