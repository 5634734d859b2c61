// The rank check, against a store whose MultiShardLock locks in descending
// order.

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "server/base/mutant.h"
#include "tests/server/store/store_fixture.h"
#include "tests/support/seeded_random.h"

namespace latchkey {
namespace {

class LockOrderMutantTest : public StoreTest {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }

  const ScopedMutant mutant_{Mutant::kSwappedLockOrder};

  // Enough keys for more than one shard, whatever the hash.
  static constexpr const char* kKeys[] = {"a", "b", "c", "d", "e", "f", "g"};
};

TEST_F(LockOrderMutantTest, OneShardHasNoOrder) {
  Put("a", "1");
  ExpectValue("a", "1");
}

TEST_F(LockOrderMutantTest, AWriteOfSeveralShardsDies) {
  EXPECT_DEATH(
      Transact({PutOperation{.key = kKeys[0]}, PutOperation{.key = kKeys[1]},
                PutOperation{.key = kKeys[2]}, PutOperation{.key = kKeys[3]}})
          .IgnoreError(),
      "ascending rank");
}

TEST_F(LockOrderMutantTest, AnAtomicReadOfSeveralShardsDies) {
  const std::vector<std::string_view> keys(std::begin(kKeys), std::end(kKeys));
  EXPECT_DEATH(store().BatchGetAtomic(keys, token()).IgnoreError(),
               "ascending rank");
}

}  // namespace
}  // namespace latchkey
