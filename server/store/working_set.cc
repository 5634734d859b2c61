#include "server/store/working_set.h"

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

void WorkingSet::Prefetch(const MultiShardLock& lock) const {
  for (const WorkingCopy& copy : copies_) {
    Shard& shard = lock[copy.key_.shard()];
    shard.AssertHeld();
    shard.Prefetch(copy.key_);
  }
}

void WorkingSet::Load(const MultiShardLock& lock, UnixNanos now) {
  for (WorkingCopy& copy : copies_) {
    Shard& shard = lock[copy.key_.shard()];
    shard.AssertHeld();
    if (MutantActive(Mutant::kLostUpdate) && copy.current_) continue;
    copy.stored_ = shard.Find(copy.key_, now);
    if (copy.stored_ == nullptr) continue;
    copy.current_ = EntryRef(copy.stored_);
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

void WorkingSet::Publish(const MultiShardLock& lock, uint64_t version) {
  for (WorkingCopy& copy : copies_) {
    if (copy.change_ == WorkingCopy::Change::kNone) continue;
    Shard& shard = lock[copy.key_.shard()];
    shard.AssertHeld();
    if (copy.change_ == WorkingCopy::Change::kExpiry) {
      shard.SetExpireTime(*copy.stored_, copy.expire_time_, version);
    } else if (copy.current_) {
      copy.current_->set_version(version);
      copy.current_->set_expire_time(copy.expire_time_);
      replaced_.push_back(shard.Put(copy.key_, copy.current_));
    } else {
      replaced_.push_back(shard.Remove(copy.key_, version));
    }
  }
}

}  // namespace latchkey
