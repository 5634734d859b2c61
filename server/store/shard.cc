#include "server/store/shard.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "server/base/check.h"

namespace latchkey {
namespace {

// The least table that is made.  abseil's table of more than 16 slots does not
// grow as long as it holds no more than 25/32 of them: where deleted slots are
// in its way, it clears them in place.  So we let no more in, and it grows when
// we say.
constexpr size_t kCapacityMin = 31;
constexpr size_t EntriesMax(size_t capacity) { return capacity * 25 / 32; }

// A slot and its control byte; what the table has beside them.
constexpr size_t kSlotBytes = 8 + 1;
constexpr size_t kTableBytes = 48;

// What is evicted for one write is enough for those that follow: most of the
// cost of evicting is to come to memory that was not touched for long.  Bytes,
// and parts of what the shard holds.
constexpr size_t kSpareMax = 4'096;
constexpr size_t kSparePart = 64;

// The capacity that `entries` entries need, from `capacity` up.
size_t CapacityFor(size_t entries, size_t capacity) {
  if (EntriesMax(capacity) >= entries) return capacity;
  size_t larger = std::max(capacity, kCapacityMin);
  while (EntriesMax(larger) < entries) larger = 2 * larger + 1;
  return larger;
}

// What is remembered of a key that left.  The shard takes the top bits.
uint32_t FingerprintOf(const HashedKey& key) {
  return static_cast<uint32_t>(key.hash);
}

}  // namespace

Shard::Shard(ShardIndex index, const ShardContext& context)
    : hasher_(context.hasher),
      memory_(context.memory),
      mutex_(LockRank{index}),
      table_(0, SlotHash{&hasher_}),
      queues_(context.eviction, order_),
      snapshots_(context.cuts, order_),
      expiry_(order_, context.start),
      ledger_(context.ledger),
      leases_(context.leases) {}

Shard::~Shard() {
  ShardLock lock(*this);
  memory_.Give(counters().structure_bytes());
}

Entry* Shard::Find(const HashedKey& key, UnixNanos now) const {
  const auto it = table_.find(key);
  if (it == table_.end()) return nullptr;
  Entry* entry = it->entry.get();
  return entry->expire_time() > now ? entry : nullptr;
}

EntryRef Shard::Put(const HashedKey& key, EntryRef entry) {
  LATCHKEY_CHECK(key.key == entry->key(), "an entry is put under its own key");
  EntryRef replaced;
  bool inserted = false;
  LATCHKEY_CHECK(GrowthBytes(1) == 0, "a shard grows before the commit");
  const auto it = table_.lazy_emplace(key, [&](const auto& construct) {
    construct(Slot{std::move(entry)});
    inserted = true;
  });
  if (inserted) {
    order_.Append(*it->entry);
    queues_.Add(*it->entry, FingerprintOf(key));
    expiry_.Append(*it->entry);
  } else {
    snapshots_.BeforeChange(*it->entry, entry->version());
    replaced = std::exchange(it->entry, std::move(entry));
    order_.Replace(*replaced, *it->entry);
    queues_.Replace(*replaced, *it->entry);
    expiry_.Set(*it->entry);
  }
  return replaced;
}

EntryRef Shard::Remove(const HashedKey& key, uint64_t version) {
  const auto it = table_.find(key);
  if (it == table_.end()) return EntryRef();
  snapshots_.BeforeChange(*it->entry, version);
  queues_.Remove(*it->entry);
  expiry_.Remove(*it->entry);
  order_.Remove(*it->entry, [this](const Entry& moved, uint32_t from) {
    mutex_.AssertHeld();
    queues_.Move(moved, from);
    expiry_.Move(moved, from);
  });
  queues_.Shrink();
  expiry_.Shrink();
  EntryRef removed = std::move(it->entry);
  table_.erase(it);
  return removed;
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
  std::array<HashedKey, kExpiredMax> keys;
  const size_t count = expiry_.Find(
      now, std::span(expired).first(std::min(entries_max, kExpiredMax)));
  // None of them was used for long: all are fetched at once.
  for (size_t i = 0; i < count; ++i) __builtin_prefetch(expired[i], /*rw=*/1);
  for (size_t i = 0; i < count; ++i) {
    const std::string_view key = expired[i]->key();
    keys[i] = {key, hasher_.Hash(key)};
    Prefetch(keys[i]);
    queues_.Prefetch(*expired[i]);
  }
  for (size_t i = 0; i < count; ++i) {
    removed.push_back(Remove(keys[i], kAfterAllCommits));
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
    GrowGhosts();
    queues_.PrefetchNext();
    bytes = std::max(bytes, std::min(queues_.bytes() / kSparePart, kSpareMax));
  }
  while (freed < bytes && removed.size() - first < entries_max) {
    Entry* const entry = queues_.Next(keep);
    if (entry == nullptr || snapshots_.WouldKeepImage(*entry)) return;
    const HashedKey key = {entry->key(), hasher_.Hash(entry->key())};
    if (queues_.ghosts() != nullptr) {
      queues_.LeaveGhost(*entry, FingerprintOf(key));
    }
    removed.push_back(Remove(key, kAfterAllCommits));
    freed += removed.back()->bytes();
    ++counters_.evicted;
  }
}

size_t Shard::StructureBytes(size_t capacity) const {
  if (capacity == 0) return 0;
  const size_t entries = EntriesMax(capacity);
  return kTableBytes + kSlotBytes * capacity + sizeof(Entry*) * entries +
         queues_.BytesOf(entries) + ExpiryIndex::BytesOf(entries);
}

size_t Shard::GrowthBytesOf(size_t more) const {
  const size_t capacity = CapacityFor(table_.size() + more, table_.capacity());
  // The old table is there until the new one is filled.
  return capacity > table_.capacity() ? StructureBytes(capacity) : 0;
}

void Shard::Grow(size_t more, MemoryRoom& room) {
  room.Spend(GrowthBytesOf(more));
  const size_t before = table_.capacity();
  const size_t capacity = CapacityFor(table_.size() + more, before);
  if (capacity == before) return;
  // As many as it has room for make it that large.
  table_.reserve(capacity - capacity / 8);
  LATCHKEY_CHECK(table_.capacity() == capacity, "abseil's table is as known");
  entries_max_ = EntriesMax(capacity);
  order_.Reserve(entries_max_);
  queues_.Reserve(entries_max_);
  expiry_.Reserve(entries_max_);
  memory_.Give(StructureBytes(before));
}

void Shard::GrowGhosts() {
  GhostTable* const ghosts = queues_.ghosts();
  const size_t slots = table_.capacity() + 1;
  if (ghosts == nullptr || table_.empty() || ghosts->slots() >= slots) return;
  const size_t before = GhostTable::BytesOf(ghosts->slots());
  memory_.Take(GhostTable::BytesOf(slots));
  ghosts->Resize(slots);
  memory_.Give(before);
}

ShardCounters Shard::counters() const {
  ShardCounters counters = counters_;
  counters.entries = table_.size();
  counters.entries_expiring = expiry_.expiring();
  counters.entry_bytes = queues_.bytes();
  counters.leases = leases_.counters();
  const size_t links = queues_.BytesOf(entries_max_);
  counters.expiry_bytes = ExpiryIndex::BytesOf(entries_max_);
  counters.queue_bytes = links + GhostTable::BytesOf(queues_.ghost_slots());
  counters.table_bytes =
      StructureBytes(table_.capacity()) - links - counters.expiry_bytes;
  return counters;
}

}  // namespace latchkey
