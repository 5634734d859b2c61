#include "server/store/multi_shard_lock.h"

#include <bit>

#include "server/base/check.h"
#include "server/base/mutant.h"

namespace latchkey {
namespace {

// Calls `visit` with each index of `words`, ascending.
template <typename Words, typename Visit>
void ForEachIndex(const Words& words, Visit visit) {
  for (size_t word = 0; word < words.size(); ++word) {
    for (uint64_t rest = words[word]; rest != 0; rest &= rest - 1) {
      visit(static_cast<ShardIndex>(
          word * 64 + static_cast<size_t>(std::countr_zero(rest))));
    }
  }
}

}  // namespace

// The compiler cannot follow a set of locks; the rank check does.
MultiShardLock::MultiShardLock(ShardTable& table, const ShardSet& shards)
    : table_(table), shards_(shards) {
  LockAll();
}

MultiShardLock::~MultiShardLock() { UnlockAll(); }

void MultiShardLock::LockAll() const ABSL_NO_THREAD_SAFETY_ANALYSIS {
  if (MutantActive(Mutant::kSwappedLockOrder)) {
    for (size_t i = kShardCount; i-- > 0;) {
      const auto index = static_cast<ShardIndex>(i);
      if (shards_.Contains(index)) table_[index].mutex_.Lock();
    }
    return;
  }
  ForEachIndex(shards_.words_,
               [this](ShardIndex index) ABSL_NO_THREAD_SAFETY_ANALYSIS {
                 table_[index].LockCounted();
               });
}

void MultiShardLock::UnlockAll() const ABSL_NO_THREAD_SAFETY_ANALYSIS {
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
