// MemoryWatch in virtual time, with the real memory of the test's process.

#include "server/app/memory_watch.h"

#include <gtest/gtest.h>

#include <string>

#include "server/store/operations.h"
#include "tests/support/fake_clock.h"
#include "tests/support/manual_executor.h"
#include "tests/support/seeded_random.h"

namespace latchkey {
namespace {

constexpr size_t kMiB = 1024 * 1024;

TEST(MemoryWatchTest, HasTheStoreHoldLessWhereTheProcessHoldsTooMuch) {
  FakeClock clock;
  SeededRandom random(1);
  Store store({.memory_bytes_max = 8 * kMiB}, clock, random);
  const DeadlineSource source(kNever);
  const std::string value(1000, 'v');
  for (int i = 0; i < 10'000; ++i) {
    const std::string key = std::to_string(i);
    const Operation put = PutOperation{.key = key, .value = value};
    ASSERT_TRUE(store.Write({.on_success = {&put, 1}}, source.token()).ok());
  }
  const size_t entries = store.EntryCount();

  ManualExecutor executor(clock);
  MemoryWatch watch(store, executor);
  watch.Start();
  EXPECT_EQ(executor.delay(), MemoryWatch::kPause);
  clock.Advance(MemoryWatch::kPause);
  executor.RunOne();
  EXPECT_EQ(store.memory().usable(), 8 * kMiB);
  EXPECT_EQ(store.EntryCount(), entries);

  // Written to, so that it is there.
  const std::string other(100 * kMiB, 'x');
  clock.Advance(MemoryWatch::kPause);
  executor.RunOne();
  EXPECT_LT(store.memory().usable(), 8 * kMiB);
  EXPECT_LT(store.EntryCount(), entries);
  EXPECT_LE(store.memory().used(), store.memory().usable());
  EXPECT_EQ(executor.delay(), MemoryWatch::kPause);
  EXPECT_EQ(other.back(), 'x');
}

}  // namespace
}  // namespace latchkey
