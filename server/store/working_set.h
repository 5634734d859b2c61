// WorkingSet is the working copies of one transaction: what each key it names
// holds as the transaction sees it, while the store still holds what was
// before. Publish() makes the copies the truth; without it they are just
// dropped.
//
// Use, in this order:
//   1. Add() every key, with no lock held;
//   2. take a MultiShardLock over shards();
//   3. Load(), then read and change the copies;
//   4. Publish() or not;
//   5. release the lock, then destroy the set: it frees what was replaced, and
//      tells those who waited for a lease.
//
// Thread safety: an instance belongs to one thread.

#ifndef LATCHKEY_SERVER_STORE_WORKING_SET_H_
#define LATCHKEY_SERVER_STORE_WORKING_SET_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "server/access/principal_account.h"
#include "server/base/clock.h"
#include "server/store/entry.h"
#include "server/store/key_hasher.h"
#include "server/store/lease_table.h"
#include "server/store/memory_budget.h"
#include "server/store/multi_shard_lock.h"
#include "server/store/operations.h"
#include "server/store/shard.h"

namespace latchkey {

// What one key holds, as a transaction sees it.
class WorkingCopy {
 public:
  explicit WorkingCopy(const HashedKey& key) : key_(key) {}

  std::string_view key() const { return key_.key; }

  // The entry, or nullptr.  One that this transaction wrote has no version yet.
  const Entry* entry() const { return current_.get(); }

  // When the entry expires; kNever also where there is none.
  UnixNanos expire_time() const { return expire_time_; }

  EntryView view() const { return {current_, expire_time_}; }

  // The version in the store, before this transaction; kNoVersion for a missing
  // key.
  uint64_t stored_version() const {
    return stored_ == nullptr ? kNoVersion : stored_->version();
  }

  // REQUIRES: entry->key() == key().
  void Set(EntryRef entry, UnixNanos expire_time);
  void Remove();

  // The key's lease as of Load(), or kNoLease.
  LeaseId lease() const { return lease_; }

  // The key was to be removed and is missing: that ends its lease too.
  void EndLease() { ends_lease_ = true; }

  // REQUIRES: entry() is not nullptr.
  void SetExpireTime(UnixNanos expire_time);

 private:
  friend class WorkingSet;

  enum class Change : uint8_t { kNone, kExpiry, kEntry };

  HashedKey key_;
  Entry* stored_ = nullptr;
  EntryRef current_;
  UnixNanos expire_time_ = kNever;
  LeaseId lease_ = kNoLease;
  Change change_ = Change::kNone;
  bool ends_lease_ = false;
  bool may_put_ = false;
};

class WorkingSet {
 public:
  // `hasher` must outlive the set.  `account` is of who writes; null where
  // there are no limits.
  WorkingSet(const KeyHasher& hasher, PrincipalAccount* account)
      : hasher_(hasher), account_(account) {}

  WorkingSet(const WorkingSet&) = delete;
  WorkingSet& operator=(const WorkingSet&) = delete;

  // Adds a key, which must outlive the set, and returns its number.  One that
  // was added before keeps its number.
  uint32_t Add(std::string_view key);

  // The transaction may put an entry under the key of `number`: its shard must
  // have a place for it.
  void MayPut(uint32_t number) { copies_[number].may_put_ = true; }

  // Adds a shard that the transaction needs for something else than a copy.
  void AddShard(ShardIndex index) { shards_.Add(index); }

  const ShardSet& shards() const { return shards_; }

  // Whether `key` was added.
  bool Contains(std::string_view key) const;

  // The shard of the first copy; where there is none, any.
  ShardIndex first_shard() const {
    return copies_.empty() ? ShardIndex{0} : copies_.front().key_.shard();
  }

  // Has the processor fetch what Load() looks at first, for a caller that has
  // something to do meanwhile.
  //
  // REQUIRES: `lock` holds shards().
  void Prefetch(const MultiShardLock& lock) const;

  // Fills the copies with what is alive at `now`.
  //
  // REQUIRES: `lock` holds shards().
  void Load(const MultiShardLock& lock, UnixNanos now);

  // The bytes of the largest entry that was loaded.
  size_t LargestBytes() const;

  // What the shards need to grow by before all copies can be published, mostly
  // 0; and grows them.
  //
  // REQUIRES: `lock` holds shards(); `room` has the bytes.
  size_t GrowthBytes(const MultiShardLock& lock) const;
  void Grow(const MultiShardLock& lock, MemoryRoom& room);

  WorkingCopy& operator[](uint32_t number) { return copies_[number]; }

  // Whether any copy was changed.
  bool changed() const;

  PrincipalAccount* account() const { return account_; }

  // Takes the bytes by which the changed copies make those of the account more.
  // False: it may not have so many, and the copies must not be published.
  bool TakeBytes();
  // Gives them back: the copies are not published after all.
  void GiveBytesBack();

  // Writes the changed copies to their shards, under `version`.
  //
  // REQUIRES: `lock` holds shards() since Load(); TakeBytes().
  void Publish(const MultiShardLock& lock, uint64_t version);

  // Ends the leases of the keys that were written or removed.  Who waited for
  // them is told when this set ends.
  //
  // REQUIRES: as above; the changed copies were published.
  void EndLeases(const MultiShardLock& lock);

 private:
  // Calls `visit(shard, more)` with each shard that something may be put into,
  // and how much.
  template <typename Visit>
  void ForEachShard(const MultiShardLock& lock, Visit visit) const;

  // Whether the account counts `entry`.
  bool Owns(const Entry* entry) const {
    return account_ != nullptr && entry != nullptr &&
           entry->owner() == account_->number();
  }

  const KeyHasher& hasher_;
  PrincipalAccount* const account_;
  // What TakeBytes() has found; where it is less than 0, Publish() gives it
  // back, since it must not be somebody else's before that is sure.
  int64_t bytes_more_ = 0;
  ShardSet shards_;
  absl::InlinedVector<WorkingCopy, 2> copies_;
  // Numbers by key; used once there are more copies than are quickly compared.
  absl::flat_hash_map<absl::string_view, uint32_t> numbers_;
  // What Publish() replaced, kept until no lock is held.
  absl::InlinedVector<EntryRef, 2> replaced_;
  // The time of Load().
  UnixNanos now_ = 0;
  LeaseWakeups wakeups_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_WORKING_SET_H_
