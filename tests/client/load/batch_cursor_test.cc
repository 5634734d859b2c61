#include "client/load/batch_cursor.h"

#include <gtest/gtest.h>

namespace latchkey::load {
namespace {

TEST(BatchCursorTest, HandsOutEveryKeyOnce) {
  BatchCursor cursor(300, 80);
  uint64_t next = 0;
  for (const uint64_t count : {128, 128, 44}) {
    const KeyRange range = cursor.Next();
    EXPECT_EQ(range.first, next);
    EXPECT_EQ(range.count, count);
    next += count;
  }
  EXPECT_EQ(cursor.Next().count, 0u);
  EXPECT_EQ(cursor.Next().count, 0u);
}

TEST(BatchCursorTest, KeepsBatchesOfLargeValuesBelowTheMessageLimit) {
  const uint64_t mebibyte = 1'024 * 1'024;
  for (const uint64_t entry_bytes :
       {uint64_t{100}, uint64_t{30'000}, mebibyte / 2, mebibyte + 1'024}) {
    BatchCursor cursor(1'000, entry_bytes);
    const uint64_t count = cursor.Next().count;
    EXPECT_GE(count, 1u);
    EXPECT_LE(count, kBatchKeysMax);
    EXPECT_LE(count * entry_bytes, kBatchBytesMax);
  }
}

}  // namespace
}  // namespace latchkey::load
