#include "server/store/shard.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "server/base/check.h"

namespace latchkey {
namespace {

// The most entries of a shard, as a place has 24 bits: four billion of all.
constexpr size_t kEntriesMax = KeyIndex::kNoPlace;

// One capacity for all arrays by place.
size_t CapacityFor(size_t entries) {
  return ChunkedArray<uint32_t>::CapacityFor(entries);
}

// What is evicted for one write is enough for those that follow: most of the
// cost of evicting is to come to memory that was not touched for long.  Bytes,
// and parts of what the shard holds.
constexpr size_t kSpareMax = 4'096;
constexpr size_t kSparePart = 64;

// What the key index asks of others than the key it adds.
struct PlacedKeys {
  void Prefetch(uint32_t place) const { order.PrefetchPlace(place); }
  void PrefetchKey(uint32_t place) const { order.PrefetchEntry(place); }
  uint64_t HashOf(uint32_t place) const {
    return hasher.Hash(order[place].key());
  }
  const EntryOrder& order;
  const KeyHasher& hasher;
};

// What is remembered of a key that left.  The shard takes the top bits.
uint32_t FingerprintOf(const HashedKey& key) {
  return static_cast<uint32_t>(key.hash);
}

}  // namespace

Shard::Shard(ShardIndex index, const ShardContext& context)
    : hasher_(context.hasher),
      accounts_(context.accounts),
      memory_(context.memory),
      mutex_(LockRank{index}),
      queues_(context.eviction, order_, context.ageing,
              AgeingDuel::RoleOf(index)),
      snapshots_(context.cuts, order_),
      expiry_(order_, context.start),
      ledger_(context.ledger),
      leases_(context.leases) {}

Shard::~Shard() {
  ShardLock lock(*this);
  memory_.Give(counters().structure_bytes());
}

Entry* Shard::Lookup(const HashedKey& key) const {
  const uint32_t place = index_.Find(key.hash, [&](uint32_t candidate) {
    mutex_.AssertHeld();
    return order_[candidate].key() == key.key;
  });
  return place == KeyIndex::kNoPlace ? nullptr : &order_[place];
}

Entry* Shard::Find(const HashedKey& key, UnixNanos now) const {
  Entry* const entry = Lookup(key);
  return entry != nullptr && entry->expire_time() > now ? entry : nullptr;
}

EntryRef Shard::Put(const HashedKey& key, EntryRef entry) {
  LATCHKEY_CHECK(key.key == entry->key(), "an entry is put under its own key");
  if (Entry* const found = Lookup(key); found != nullptr) {
    snapshots_.BeforeChange(*found, entry->version());
    Entry& put = *entry;
    EntryRef replaced = order_.Replace(*found, std::move(entry));
    GiveBack(*replaced);
    queues_.Replace(*replaced, put);
    expiry_.Set(put);
    return replaced;
  }
  LATCHKEY_CHECK(GrowthBytes(1) == 0, "a shard grows before the commit");
  Entry& put = order_.Append(std::move(entry));
  index_.Insert(key.hash, put.place(), PlacedKeys{order_, hasher_});
  queues_.Add(put, FingerprintOf(key));
  expiry_.Add(put);
  return EntryRef();
}

EntryRef Shard::Remove(const HashedKey& key, uint64_t version) {
  Entry* const entry = Lookup(key);
  return entry == nullptr ? EntryRef() : RemoveEntry(*entry, key.hash, version);
}

EntryRef Shard::RemoveEntry(Entry& entry, uint64_t hash, uint64_t version) {
  snapshots_.BeforeChange(entry, version);
  queues_.Remove(entry);
  expiry_.Remove(entry);
  index_.Erase(hash, entry.place());
  GiveBack(entry);
  return order_.Remove(entry);
}

void Shard::SetExpireTime(Entry& entry, UnixNanos expire_time,
                          uint64_t version) {
  snapshots_.BeforeTouch(entry, version);
  entry.set_expire_time(expire_time);
  expiry_.Set(entry);
}

void Shard::RemoveExpired(UnixNanos now, size_t entries_max,
                          std::vector<EntryRef>& removed) {
  std::array<Entry*, kExpiredMax> expired;
  std::array<uint64_t, kExpiredMax> hashes;
  const size_t count = expiry_.Find(
      now, std::span(expired).first(std::min(entries_max, kExpiredMax)));
  // What belongs to them was not used for long: all of it is fetched at once.
  for (size_t i = 0; i < count; ++i) {
    hashes[i] = hasher_.Hash(expired[i]->key());
    index_.Prefetch(hashes[i]);
    queues_.Prefetch(*expired[i]);
  }
  for (size_t i = 0; i < count; ++i) queues_.PrefetchNeighbours(*expired[i]);
  for (size_t i = 0; i < count; ++i) {
    removed.push_back(RemoveEntry(*expired[i], hashes[i], kAfterAllCommits));
  }
  counters_.expired += count;
}

void Shard::Evict(size_t bytes, size_t entries_max, UnixNanos now,
                  EvictionQueues::Keep keep, std::vector<EntryRef>& removed) {
  const size_t first = removed.size();
  size_t freed = 0;
  while (freed < bytes && removed.size() - first < entries_max) {
    const size_t before = removed.size();
    RemoveExpired(now, first + entries_max - before, removed);
    if (removed.size() == before) break;
    for (size_t i = before; i < removed.size(); ++i) {
      freed += removed[i]->bytes();
    }
  }
  if (freed < bytes) {
    GrowHistory();
    queues_.PrefetchNext();
    bytes = std::max(bytes, std::min(queues_.bytes() / kSparePart, kSpareMax));
  }
  while (freed < bytes && removed.size() - first < entries_max) {
    Entry* const entry = queues_.Next(keep);
    if (entry == nullptr || snapshots_.WouldKeepImage(*entry)) return;
    const HashedKey key = {entry->key(), hasher_.Hash(entry->key())};
    queues_.LeaveGhost(*entry, FingerprintOf(key));
    removed.push_back(RemoveEntry(*entry, key.hash, kAfterAllCommits));
    freed += removed.back()->bytes();
    ++counters_.evicted;
  }
}

size_t Shard::StructureBytes(size_t entries) const {
  if (entries == 0) return 0;
  return KeyIndex::BytesOf(entries) + EntryOrder::BytesOf(entries) +
         queues_.BytesOf(entries) + ExpiryIndex::BytesOf(entries);
}

size_t Shard::GrowthBytesOf(size_t more) const {
  const size_t entries = order_.size() + more;
  if (entries > kEntriesMax) return MemoryBudget::kNoLimit;
  const size_t capacity = CapacityFor(entries);
  if (capacity <= entries_max_) return 0;
  return StructureBytes(capacity) - StructureBytes(entries_max_) +
         MovedBytes(entries_max_);
}

size_t Shard::MovedBytes(size_t entries) const {
  if (entries == 0) return 0;
  return KeyIndex::MovedBytes(entries) + EntryOrder::MovedBytes(entries) +
         queues_.MovedBytes(entries) + ExpiryIndex::MovedBytes(entries);
}

void Shard::Grow(size_t more, MemoryRoom& room) {
  const size_t bytes = GrowthBytesOf(more);
  if (bytes == 0) return;
  room.Spend(bytes);
  const size_t before = entries_max_;
  entries_max_ = CapacityFor(order_.size() + more);
  index_.Reserve(entries_max_);
  order_.Reserve(entries_max_);
  queues_.Reserve(entries_max_);
  expiry_.Reserve(entries_max_);
  memory_.Give(MovedBytes(before));
}

void Shard::GrowHistory() {
  const size_t before = queues_.history_bytes();
  const size_t bytes = queues_.HistoryBytes(order_.size());
  if (bytes <= before) return;
  memory_.Take(bytes);
  queues_.ResizeHistory(order_.size());
  memory_.Give(before);
}

ShardCounters Shard::counters() const {
  ShardCounters counters = counters_;
  counters.entries = order_.size();
  counters.entries_expiring = expiry_.expiring();
  counters.entry_bytes = queues_.bytes();
  counters.leases = leases_.counters();
  const size_t structure = StructureBytes(entries_max_);
  const size_t links = queues_.BytesOf(entries_max_);
  counters.expiry_bytes = ExpiryIndex::BytesOf(entries_max_);
  counters.queue_bytes = links + queues_.history_bytes();
  counters.table_bytes = structure - links - counters.expiry_bytes;
  return counters;
}

}  // namespace latchkey
