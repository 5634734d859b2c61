#include "server/store/chunked_array.h"

#include <gtest/gtest.h>

namespace latchkey {
namespace {

using Array = ChunkedArray<uint32_t>;

TEST(ChunkedArrayTest, KeepsWhatIsInItWhileItGrows) {
  Array array(7);
  EXPECT_EQ(array.capacity(), 0u);
  size_t written = 0;
  for (size_t elements = 1; elements < 3'000; ++elements) {
    const size_t before = array.capacity();
    array.Reserve(elements);
    ASSERT_EQ(array.capacity(), Array::CapacityFor(elements));
    for (size_t i = before; i < array.capacity(); ++i) ASSERT_EQ(array[i], 7u);
    for (; written < array.capacity(); ++written) {
      array[written] = static_cast<uint32_t>(written);
    }
    if (before == array.capacity()) continue;
    for (size_t i = 0; i < written; ++i) ASSERT_EQ(array[i], i);
  }
}

TEST(ChunkedArrayTest, WhatIsInALargeOneDoesNotMove) {
  Array array(0);
  array.Reserve(kChunk);
  const uint32_t* const first = &array[0];
  array.Reserve(100 * kChunk);
  EXPECT_EQ(&array[0], first);
}

TEST(ChunkedArrayTest, NeverShrinks) {
  Array array(0);
  array.Reserve(1'024);
  array.Reserve(10);
  EXPECT_EQ(array.capacity(), 1'024u);
}

TEST(ChunkedArrayTest, HasNoMoreRoomThanItNeeds) {
  EXPECT_EQ(Array::CapacityFor(0), 0u);
  EXPECT_EQ(Array::BytesOf(0), 0u);
  EXPECT_EQ(Array::CapacityFor(1), 16u);
  EXPECT_EQ(Array::CapacityFor(17), 32u);
  EXPECT_EQ(Array::CapacityFor(65), 128u);
  EXPECT_EQ(Array::CapacityFor(257), 320u);
  EXPECT_EQ(Array::CapacityFor(100'000), 100'032u);
  // Elements, and a pointer for each chunk, eight of them at a time.
  EXPECT_EQ(Array::BytesOf(16), 64u + 16u);
  EXPECT_EQ(Array::BytesOf(512), 2 * 1'024u + 64u);
  EXPECT_EQ(Array::BytesOf(513), 2 * 1'024u + 256u + 64u);
  // The directory, and what of a chunk is there.
  EXPECT_EQ(Array::MovedBytes(512), 64u);
  EXPECT_EQ(Array::MovedBytes(513), 256u + 64u);
  EXPECT_LT(Array::BytesOf(1'000'192), 1'000'192 * 4.04);
}

TEST(ChunkedArrayTest, ShowsAChunk) {
  Array array(3);
  array.Reserve(20);
  EXPECT_EQ(array.ChunkAt(0).size(), 32u);
  array.Reserve(600);
  array[256] = 9;
  EXPECT_EQ(array.ChunkAt(256).size(), kChunk);
  EXPECT_EQ(array.ChunkAt(256).front(), 9u);
  EXPECT_EQ(array.ChunkAt(512).size(), 128u);
}

}  // namespace
}  // namespace latchkey
