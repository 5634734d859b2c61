#include "server/store/shard.h"

#include <algorithm>
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

// At most, on average: a node of 256 bytes, at least half full, and its part of
// the nodes above.  Paid for so many entries at a time.
constexpr size_t kExpiryBytes = 40;
constexpr size_t kExpiryStep = 16;

// As many as one commit may add: a commit that first takes expiries away leaves
// so much of what Grow() made.
constexpr size_t kExpirySpare = 128;

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
      ledger_(context.ledger),
      leases_(context.leases) {}

Shard::~Shard() {
  ShardLock lock(*this);
  memory_.Give(counters().structure_bytes);
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
  LATCHKEY_CHECK(GrowthBytes({.entries = 1}) == 0,
                 "a shard grows before the commit");
  const auto it = table_.lazy_emplace(key, [&](const auto& construct) {
    construct(Slot{std::move(entry)});
    inserted = true;
  });
  if (inserted) {
    order_.Append(*it->entry);
    queues_.Add(*it->entry, FingerprintOf(key));
  } else {
    snapshots_.BeforeChange(*it->entry, entry->version());
    replaced = std::exchange(it->entry, std::move(entry));
    order_.Replace(*replaced, *it->entry);
    queues_.Replace(*replaced, *it->entry);
    UnindexExpiry(replaced.get());
  }
  IndexExpiry(it->entry.get());
  return replaced;
}

EntryRef Shard::Remove(const HashedKey& key, uint64_t version) {
  const auto it = table_.find(key);
  if (it == table_.end()) return EntryRef();
  snapshots_.BeforeChange(*it->entry, version);
  queues_.Remove(*it->entry);
  order_.Remove(*it->entry, [this](const Entry& moved, uint32_t from) {
    mutex_.AssertHeld();
    queues_.Move(moved, from);
  });
  queues_.Shrink();
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

void Shard::Evict(size_t bytes, size_t entries_max, UnixNanos now,
                  EvictionQueues::Keep keep, std::vector<EntryRef>& removed) {
  const size_t first = removed.size();
  RemoveExpired(now, entries_max, removed);
  size_t freed = 0;
  for (size_t i = first; i < removed.size(); ++i) freed += removed[i]->bytes();
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
         queues_.BytesOf(entries);
}

size_t Shard::GrowthBytesOf(const NewEntries& more) const {
  const size_t capacity =
      CapacityFor(table_.size() + more.entries, table_.capacity());
  size_t bytes = 0;
  // The old table is there until the new one is filled.
  if (capacity > table_.capacity()) bytes += StructureBytes(capacity);
  return bytes + (ExpiryMaxWith(more) - expiry_max_) * kExpiryBytes;
}

size_t Shard::ExpiryMaxWith(const NewEntries& more) const {
  if (more.expiring == 0) return expiry_max_;
  const size_t steps =
      (expiry_.size() + more.expiring + kExpiryStep - 1) / kExpiryStep;
  return std::max(expiry_max_, steps * kExpiryStep);
}

void Shard::Grow(const NewEntries& more, MemoryRoom& room) {
  room.Spend(GrowthBytesOf(more));
  const size_t before = table_.capacity();
  const size_t capacity = CapacityFor(table_.size() + more.entries, before);
  expiry_max_ = ExpiryMaxWith(more);
  if (capacity == before) return;
  // As many as it has room for make it that large.
  table_.reserve(capacity - capacity / 8);
  LATCHKEY_CHECK(table_.capacity() == capacity, "abseil's table is as known");
  entries_max_ = EntriesMax(capacity);
  order_.Reserve(entries_max_);
  queues_.Reserve(entries_max_);
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
  counters.entries_expiring = expiry_.size();
  counters.entry_bytes = queues_.bytes();
  counters.leases = leases_.counters();
  counters.structure_bytes = StructureBytes(table_.capacity()) +
                             expiry_max_ * kExpiryBytes +
                             GhostTable::BytesOf(queues_.ghost_slots());
  return counters;
}

void Shard::IndexExpiry(Entry* entry) {
  if (entry->expire_time() == kNever) return;
  expiry_.emplace(entry->expire_time(), entry);
  LATCHKEY_CHECK(expiry_.size() <= expiry_max_,
                 "a shard grows before the commit");
}

void Shard::UnindexExpiry(Entry* entry) {
  if (entry->expire_time() == kNever) return;
  expiry_.erase({entry->expire_time(), entry});
  if (expiry_.size() + 2 * kExpirySpare > expiry_max_) return;
  expiry_max_ -= kExpirySpare;
  memory_.Give(kExpirySpare * kExpiryBytes);
}

}  // namespace latchkey
