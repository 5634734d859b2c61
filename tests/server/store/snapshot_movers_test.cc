// Snapshots beside movers: every total is exact.
//
// LATCHKEY_SNAPSHOTS=N takes that many instead of the usual number.

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>

#include "tests/server/store/snapshot_audit.h"
#include "tests/server/store/store_fixture.h"

namespace latchkey {
namespace {

// With the lock order asserted and nothing optimised the same takes ten times
// as long.
#ifdef NDEBUG
constexpr uint64_t kSnapshots = 100'000;
#else
constexpr uint64_t kSnapshots = 2'000;
#endif

uint64_t Snapshots() {
  const char* number = std::getenv("LATCHKEY_SNAPSHOTS");
  return number == nullptr ? kSnapshots : std::strtoull(number, nullptr, 10);
}

using SnapshotMoversTest = StoreTest;

TEST_F(SnapshotMoversTest, EveryTotalIsExact) {
  const uint64_t snapshots = Snapshots();
  SnapshotAudit audit(store(), /*seed=*/1);
  EXPECT_EQ(audit.Run(snapshots), "");
  EXPECT_EQ(audit.snapshots(), snapshots);
  EXPECT_GT(audit.movements(), snapshots / 10);
  // Nothing is left behind.
  EXPECT_EQ(store().scanner().Sweep(1'000), 0u);
}

}  // namespace
}  // namespace latchkey
