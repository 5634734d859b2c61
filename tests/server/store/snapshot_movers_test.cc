// Snapshots beside movers: 64 accounts, money that goes from one to another,
// and accounts that change their names.  No snapshot sees a movement half done.
//
// LATCHKEY_SNAPSHOTS=N takes that many instead of the usual number.

#include <gtest/gtest.h>

#include <atomic>
#include <charconv>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/server/store/scan_fixture.h"

namespace latchkey {
namespace {

constexpr size_t kAccounts = 64;
constexpr int64_t kEach = 1'000;
constexpr int kMovers = 8;

int Snapshots() {
  const char* number = std::getenv("LATCHKEY_SNAPSHOTS");
  return number == nullptr ? 2'000 : std::atoi(number);
}

class SnapshotMoversTest : public StoreTest {
 protected:
  SnapshotMoversTest() {
    for (size_t i = 0; i < kAccounts; ++i) {
      names_.push_back("account:" + std::to_string(i));
      other_names_.push_back("renamed:" + std::to_string(i));
      Put(names_[i], std::to_string(kEach));
    }
  }

  // One movement: of money, or of an account to its other name.
  bool Move(uint64_t draw) {
    const size_t from = draw % kAccounts;
    const size_t to = (from + 1 + (draw >> 8) % (kAccounts - 1)) % kAccounts;
    const auto amount = static_cast<int64_t>(1 + (draw >> 16) % 50);
    const Operation transfer = TransferOperation{.source_key = names_[from],
                                                 .destination_key = names_[to],
                                                 .amount = amount};
    switch ((draw >> 32) % 4) {
      case 0:
        return Do(MoveOperation{.source_key = names_[from],
                                .destination_key = other_names_[from]})
            .ok();
      case 1:
        return Do(MoveOperation{.source_key = other_names_[from],
                                .destination_key = names_[from]})
            .ok();
      case 2:
        return Transact({transfer, TouchOperation{.key = names_[to]}}).ok();
      default:
        return Do(transfer).ok();
    }
  }

  // Reads a snapshot and returns what all accounts hold.
  void Count(size_t page, int64_t* total, size_t* accounts) {
    auto scan = store().scanner().Start(
        {.snapshot = true, .page = {.entries_max = page}});
    ASSERT_TRUE(scan.ok()) << scan.status();
    std::string resume_token;
    do {
      const absl::StatusOr<ScanPage> read = (*scan)->Next(token());
      ASSERT_TRUE(read.ok()) << read.status();
      for (const EntryView& view : read->entries) {
        const std::string_view text = view.entry->value();
        int64_t amount = 0;
        std::from_chars(text.data(), text.data() + text.size(), amount);
        *total += amount;
        ++*accounts;
        ASSERT_LE(view.entry->version(), read->snapshot_version);
      }
      resume_token = read->resume_token;
    } while (!resume_token.empty());
  }

  std::vector<std::string> names_;
  std::vector<std::string> other_names_;
};

TEST_F(SnapshotMoversTest, EveryTotalIsExact) {
  const int snapshots = Snapshots();
  std::atomic<bool> done = false;
  std::atomic<int> moved = 0;
  std::vector<std::jthread> threads;
  for (int mover = 0; mover < kMovers; ++mover) {
    threads.emplace_back([&, mover] {
      std::mt19937_64 random(static_cast<uint64_t>(mover));
      while (!done) {
        if (Move(random())) ++moved;
      }
    });
  }
  // Two read at a time, in pages of different sizes.
  std::atomic<int> next = 0;
  const auto read = [&](size_t page) {
    while (next.fetch_add(1) < snapshots && !HasFailure()) {
      int64_t total = 0;
      size_t accounts = 0;
      Count(page, &total, &accounts);
      ASSERT_EQ(accounts, kAccounts);
      ASSERT_EQ(total, kEach * static_cast<int64_t>(kAccounts));
    }
  };
  std::jthread other([&] { read(10); });
  read(1'000);
  other.join();
  done = true;
  for (std::jthread& thread : threads) thread.join();
  EXPECT_GT(moved, snapshots / 10);
  // Nothing is left behind.
  EXPECT_EQ(store().scanner().Sweep(1'000), 0u);
}

}  // namespace
}  // namespace latchkey
