#include "server/store/working_set.h"

#include <algorithm>
#include <array>
#include <utility>

#include "server/base/check.h"
#include "server/base/mutant.h"
#include "server/base/string_view.h"

namespace latchkey {
namespace {

// Up to this many keys a linear search is cheaper than a hash table.
constexpr size_t kLinearSearchMax = 8;

}  // namespace

void WorkingCopy::Set(EntryRef entry, UnixNanos expire_time) {
  current_ = std::move(entry);
  expire_time_ = expire_time;
  change_ = Change::kEntry;
}

void WorkingCopy::Remove() { Set(EntryRef(), kNever); }

void WorkingCopy::SetExpireTime(UnixNanos expire_time) {
  LATCHKEY_CHECK(current_, "only an entry has an expiry");
  expire_time_ = expire_time;
  if (change_ == Change::kNone) change_ = Change::kExpiry;
}

uint32_t WorkingSet::Add(std::string_view key) {
  const uint32_t next = static_cast<uint32_t>(copies_.size());
  if (next < kLinearSearchMax) {
    for (uint32_t i = 0; i < next; ++i) {
      if (copies_[i].key() == key) return i;
    }
  } else {
    if (numbers_.empty()) {
      for (uint32_t i = 0; i < next; ++i) {
        numbers_.emplace(ToAbsl(copies_[i].key()), i);
      }
    }
    const auto [it, added] = numbers_.try_emplace(ToAbsl(key), next);
    if (!added) return it->second;
  }
  const HashedKey hashed = {key, hasher_.Hash(key)};
  shards_.Add(hashed.shard());
  copies_.emplace_back(hashed);
  return next;
}

bool WorkingSet::Contains(std::string_view key) const {
  if (!numbers_.empty()) return numbers_.contains(ToAbsl(key));
  return std::any_of(
      copies_.begin(), copies_.end(),
      [key](const WorkingCopy& copy) { return copy.key() == key; });
}

size_t WorkingSet::LargestBytes() const {
  size_t bytes = 0;
  for (const WorkingCopy& copy : copies_) {
    if (copy.stored_ != nullptr) bytes = std::max(bytes, copy.stored_->bytes());
  }
  return bytes;
}

template <typename Visit>
void WorkingSet::ForEachShard(const MultiShardLock& lock, Visit visit) const {
  if (copies_.size() == 1) {
    if (copies_[0].may_put_) visit(lock[copies_[0].key_.shard()], 1);
    return;
  }
  std::array<uint16_t, kShardCount> sums = {};
  for (const WorkingCopy& copy : copies_) {
    sums[copy.key_.shard()] += copy.may_put_ ? 1 : 0;
  }
  for (const WorkingCopy& copy : copies_) {
    const ShardIndex shard = copy.key_.shard();
    const size_t more = std::exchange(sums[shard], uint16_t{0});
    if (more > 0) visit(lock[shard], more);
  }
}

size_t WorkingSet::GrowthBytes(const MultiShardLock& lock) const {
  size_t bytes = 0;
  ForEachShard(lock, [&](Shard& shard, size_t more) {
    shard.AssertHeld();
    bytes += shard.GrowthBytes(more);
  });
  return bytes;
}

void WorkingSet::Grow(const MultiShardLock& lock, MemoryRoom& room) {
  ForEachShard(lock, [&](Shard& shard, size_t more) {
    shard.AssertHeld();
    shard.Grow(more, room);
  });
}

void WorkingSet::Prefetch(const MultiShardLock& lock) const {
  for (const WorkingCopy& copy : copies_) {
    Shard& shard = lock[copy.key_.shard()];
    shard.AssertHeld();
    shard.Prefetch(copy.key_);
  }
}

void WorkingSet::Load(const MultiShardLock& lock, UnixNanos now) {
  now_ = now;
  for (WorkingCopy& copy : copies_) {
    Shard& shard = lock[copy.key_.shard()];
    shard.AssertHeld();
    if (!shard.leases().empty()) {
      copy.lease_ = shard.leases().HolderOf(copy.key_.key, now);
    }
    if (MutantActive(Mutant::kLostUpdate) && copy.current_) continue;
    copy.stored_ = shard.Find(copy.key_, now);
    copy.current_ = EntryRef(copy.stored_);
    copy.expire_time_ = kNever;
    if (copy.stored_ == nullptr) continue;
    shard.Use(*copy.stored_);
    shard.order().Prefetch(*copy.stored_);
    copy.expire_time_ = copy.stored_->expire_time();
  }
}

bool WorkingSet::changed() const {
  for (const WorkingCopy& copy : copies_) {
    if (copy.change_ != WorkingCopy::Change::kNone) return true;
  }
  return false;
}

bool WorkingSet::TakeBytes() {
  if (account_ == nullptr) return true;
  int64_t more = 0;
  for (const WorkingCopy& copy : copies_) {
    if (copy.change_ != WorkingCopy::Change::kEntry) continue;
    if (Owns(copy.entry())) more += static_cast<int64_t>(copy.entry()->bytes());
    if (Owns(copy.stored_)) more -= static_cast<int64_t>(copy.stored_->bytes());
  }
  if (more > 0 && !account_->bytes().Take(more)) return false;
  bytes_more_ = more;
  return true;
}

void WorkingSet::GiveBytesBack() {
  if (bytes_more_ > 0) account_->bytes().Give(bytes_more_);
}

void WorkingSet::Publish(const MultiShardLock& lock, uint64_t version) {
  if (bytes_more_ < 0) account_->bytes().Give(-bytes_more_);
  for (WorkingCopy& copy : copies_) {
    if (copy.change_ == WorkingCopy::Change::kNone) continue;
    Shard& shard = lock[copy.key_.shard()];
    shard.AssertHeld();
    if (copy.change_ == WorkingCopy::Change::kExpiry) {
      shard.SetExpireTime(*copy.stored_, copy.expire_time_, version);
      continue;
    }
    // TakeBytes() has counted its bytes as gone, so the shard must not.
    if (Owns(copy.stored_)) copy.stored_->ClearOwner();
    if (copy.current_) {
      copy.current_->set_version(version);
      copy.current_->set_expire_time(copy.expire_time_);
      replaced_.push_back(shard.Put(copy.key_, copy.current_));
    } else {
      replaced_.push_back(shard.Remove(copy.key_, version));
    }
  }
}

void WorkingSet::EndLeases(const MultiShardLock& lock) {
  for (const WorkingCopy& copy : copies_) {
    if (copy.change_ != WorkingCopy::Change::kEntry && !copy.ends_lease_) {
      continue;
    }
    Shard& shard = lock[copy.key_.shard()];
    shard.AssertHeld();
    if (shard.leases().empty()) continue;
    if (copy.current_) {
      shard.leases().OnWrite(copy.key_.key, copy.view(), wakeups_);
    } else {
      shard.leases().OnRemove(copy.key_.key, now_, wakeups_);
    }
  }
}

}  // namespace latchkey
