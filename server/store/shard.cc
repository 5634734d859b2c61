#include "server/store/shard.h"

#include "server/base/check.h"

namespace latchkey {

Shard::Shard(ShardIndex index, const KeyHasher& hasher, LedgerBudget& budget,
             SnapshotCuts& cuts)
    : hasher_(hasher),
      mutex_(LockRank{index}),
      table_(0, SlotHash{&hasher_}),
      snapshots_(cuts, order_),
      ledger_(budget) {}

Entry* Shard::Find(const HashedKey& key, UnixNanos now) const {
  const auto it = table_.find(key);
  if (it == table_.end()) return nullptr;
  Entry* entry = it->entry.get();
  return entry->expire_time() > now ? entry : nullptr;
}

EntryRef Shard::Put(const HashedKey& key, EntryRef entry) {
  LATCHKEY_CHECK(key.key == entry->key(), "an entry is put under its own key");
  IndexExpiry(entry.get());
  EntryRef replaced;
  bool inserted = false;
  const auto it = table_.lazy_emplace(key, [&](const auto& construct) {
    construct(Slot{std::move(entry)});
    inserted = true;
  });
  if (inserted) {
    order_.Append(*it->entry);
  } else {
    snapshots_.BeforeChange(*it->entry, entry->version());
    replaced = std::exchange(it->entry, std::move(entry));
    order_.Replace(*replaced, *it->entry);
    UnindexExpiry(replaced.get());
  }
  return replaced;
}

EntryRef Shard::Remove(const HashedKey& key, uint64_t version) {
  const auto it = table_.find(key);
  if (it == table_.end()) return EntryRef();
  snapshots_.BeforeChange(*it->entry, version);
  order_.Remove(*it->entry);
  EntryRef removed = std::move(it->entry);
  UnindexExpiry(removed.get());
  table_.erase(it);
  return removed;
}

void Shard::SetExpireTime(Entry& entry, UnixNanos expire_time,
                          uint64_t version) {
  snapshots_.BeforeTouch(entry, version);
  UnindexExpiry(&entry);
  entry.set_expire_time(expire_time);
  IndexExpiry(&entry);
}

void Shard::RemoveExpired(UnixNanos now, size_t entries_max,
                          std::vector<EntryRef>& removed) {
  for (size_t i = 0; i < entries_max && !expiry_.empty(); ++i) {
    const auto [expire_time, entry] = *expiry_.begin();
    if (expire_time > now) return;
    const std::string_view key = entry->key();
    removed.push_back(Remove({key, hasher_.Hash(key)}, kAfterAllCommits));
    ++counters_.expired;
  }
}

ShardCounters Shard::counters() const {
  ShardCounters counters = counters_;
  counters.entries = table_.size();
  counters.entries_expiring = expiry_.size();
  return counters;
}

void Shard::IndexExpiry(Entry* entry) {
  if (entry->expire_time() == kNever) return;
  expiry_.emplace(entry->expire_time(), entry);
}

void Shard::UnindexExpiry(Entry* entry) {
  if (entry->expire_time() == kNever) return;
  expiry_.erase({entry->expire_time(), entry});
}

}  // namespace latchkey
