#include "server/store/batch_read.h"

#include <algorithm>
#include <array>
#include <utility>

#include "server/base/sync_point.h"
#include "server/store/result_budget.h"
#include "server/store/shard_table.h"

namespace latchkey {

BatchRead::BatchRead(ShardTable& shards, const Clock& clock,
                     std::span<const std::string_view> keys,
                     size_t result_bytes_max)
    : shards_(&shards),
      clock_(&clock),
      keys_(keys),
      result_bytes_max_(result_bytes_max) {}

absl::Status BatchRead::Plan(const KeyHasher& hasher, size_t parts_max,
                             DeadlineToken token) {
  const size_t count = keys_.size();
  part_size_ = std::max((count + parts_max - 1) / parts_max, kKeysPerPartMin);
  hashes_.resize(count);
  result_.results.resize(count);
  order_.resize(count);
  // Where the keys of each shard begin in the order, after how many there are.
  std::array<uint32_t, kShardCount + 1> begins = {};
  for (size_t i = 0; i < count; ++i) {
    if (i % kKeysPerCheck == 0) {
      UnixNanos now;
      if (absl::Status s = CheckToken(token, &now); !s.ok()) return s;
    }
    hashes_[i] = hasher.Hash(keys_[i]);
    ++begins[HashedKey{keys_[i], hashes_[i]}.shard() + 1];
  }
  for (size_t i = 1; i <= kShardCount; ++i) begins[i] += begins[i - 1];
  for (size_t i = 0; i < count; ++i) {
    const ShardIndex shard = HashedKey{keys_[i], hashes_[i]}.shard();
    order_[begins[shard]++] = static_cast<uint32_t>(i);
  }
  return absl::OkStatus();
}

absl::Status BatchRead::ReadPart(size_t part, DeadlineToken token) {
  const size_t end = std::min((part + 1) * part_size_, keys_.size());
  size_t until_check = 0;
  // Read once for some keys, as Store::BatchGet() does.
  UnixNanos now = 0;
  for (size_t i = part * part_size_; i < end;) {
    if (until_check == 0) {
      if (absl::Status s = CheckToken(token, &now); !s.ok()) return s;
      until_check = kKeysPerCheck;
    }
    const ShardIndex index =
        HashedKey{keys_[order_[i]], hashes_[order_[i]]}.shard();
    Shard& shard = (*shards_)[index];
    ShardLock lock(shard);
    for (; i < end && until_check > 0; ++i, --until_check) {
      const size_t place = order_[i];
      const HashedKey key = {keys_[place], hashes_[place]};
      if (key.shard() != index) break;
      Entry* const entry = shard.Find(key, now);
      shard.CountRead(entry);
      if (entry == nullptr) continue;
      result_.results[place].found = {EntryRef(entry), entry->expire_time()};
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<BatchGetResult> BatchRead::TakeResult() {
  ResultBudget budget(result_bytes_max_);
  for (const GetResult& result : result_.results) {
    absl::Status s = budget.Take(result.found.entry.get());
    if (!s.ok()) return s;
  }
  return std::move(result_);
}

absl::Status BatchRead::CheckToken(DeadlineToken token, UnixNanos* now) const {
  ReachSyncPoint(SyncPoint::kNextKeys);
  *now = clock_->Now();
  const EndReason end = token.Check(*now);
  if (end == EndReason::kNone) return absl::OkStatus();
  return EndedError(end, DeadlineStage::kBeforeCommit);
}

}  // namespace latchkey
