#include "server/store/multi_shard_lock.h"

#include <bit>

#include "server/base/check.h"

namespace latchkey {
namespace {

// Calls `visit` with each index of `words`, ascending.
template <typename Words, typename Visit>
void ForEachIndex(const Words& words, Visit visit) {
#ifdef LATCHKEY_MUTANT_SWAPPED_LOCK_ORDER
  // A seeded fault, built only into the test that shows that it is caught.
  for (size_t word = words.size(); word-- > 0;) {
    for (uint64_t rest = words[word]; rest != 0;) {
      const int bit = 63 - std::countl_zero(rest);
      rest &= ~(uint64_t{1} << bit);
      visit(static_cast<ShardIndex>(word * 64 + static_cast<size_t>(bit)));
    }
  }
#else
  for (size_t word = 0; word < words.size(); ++word) {
    for (uint64_t rest = words[word]; rest != 0; rest &= rest - 1) {
      visit(static_cast<ShardIndex>(
          word * 64 + static_cast<size_t>(std::countr_zero(rest))));
    }
  }
#endif
}

}  // namespace

// The compiler cannot follow a set of locks; the rank check does.
MultiShardLock::MultiShardLock(ShardTable& table, const ShardSet& shards)
    ABSL_NO_THREAD_SAFETY_ANALYSIS : table_(table),
                                     shards_(shards) {
  ForEachIndex(shards_.words_,
               [this](ShardIndex index) ABSL_NO_THREAD_SAFETY_ANALYSIS {
                 table_[index].LockCounted();
               });
}

MultiShardLock::~MultiShardLock() ABSL_NO_THREAD_SAFETY_ANALYSIS {
  ForEachIndex(shards_.words_,
               [this](ShardIndex index) ABSL_NO_THREAD_SAFETY_ANALYSIS {
                 table_[index].mutex_.Unlock();
               });
}

Shard& MultiShardLock::operator[](ShardIndex index) const {
  LATCHKEY_CHECK(shards_.Contains(index), "the shard is locked");
  return table_[index];
}

}  // namespace latchkey
