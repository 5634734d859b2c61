// The store counts what the server's allocator takes, not what it is asked for.

#include <gtest/gtest.h>
#include <malloc.h>

#include <cstdlib>

#include "server/store/entry.h"

namespace latchkey {
namespace {

size_t Takes(size_t bytes) {
  void* const memory = std::malloc(bytes);
  const size_t takes = malloc_usable_size(memory);
  std::free(memory);
  return takes;
}

TEST(AllocatorTest, TakesWhatTheStoreCounts) {
  for (size_t bytes = sizeof(Entry); bytes <= 16'384; ++bytes) {
    EXPECT_EQ(Takes(bytes), Entry::AllocatedBytes(bytes)) << bytes;
  }
}

TEST(AllocatorTest, TakesPagesForWhatIsLarge) {
  for (size_t bytes = 16'385; bytes < 2'000'000; bytes += 1'021) {
    const size_t counted = Entry::AllocatedBytes(bytes);
    EXPECT_EQ(counted % 4'096, 0u) << bytes;
    EXPECT_LT(counted - bytes, 4'096u) << bytes;
    // What is not written to has no memory.
    EXPECT_GE(Takes(bytes), counted) << bytes;
  }
}

}  // namespace
}  // namespace latchkey
