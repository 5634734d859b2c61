// MultiShardLock holds the shard mutexes that one operation needs, for the
// length of a scope.  It is the only place where a thread takes a second shard
// mutex; tests/lint enforces that.
//
// Lock order: ascending shard index.  Every other mutex in the server is a
// leaf. LOCKING.md states the whole order, once.
//
// Thread safety: an instance belongs to the thread that made it.
//
// Example:
//   ShardSet shards;
//   shards.Add(source.shard());
//   shards.Add(destination.shard());
//   MultiShardLock lock(table, shards);
//   Shard& shard = lock[source.shard()];
//   shard.AssertHeld();

#ifndef LATCHKEY_SERVER_STORE_MULTI_SHARD_LOCK_H_
#define LATCHKEY_SERVER_STORE_MULTI_SHARD_LOCK_H_

#include <array>
#include <cstdint>
#include <thread>

#include "server/store/shard_table.h"

namespace latchkey {

// The shards that an operation needs, without order or doubles: one bit each.
class ShardSet {
 public:
  void Add(ShardIndex index) {
    words_[index / 64] |= uint64_t{1} << (index % 64);
  }
  bool Contains(ShardIndex index) const {
    return (words_[index / 64] >> (index % 64) & 1) != 0;
  }

 private:
  friend class MultiShardLock;

  std::array<uint64_t, kShardCount / 64> words_ = {};
};

class [[nodiscard]] MultiShardLock {
 public:
  // Blocks until the mutexes of all of `shards` are held.
  //
  // REQUIRES: the calling thread holds no shard mutex.
  MultiShardLock(ShardTable& table, const ShardSet& shards);
  ~MultiShardLock();

  MultiShardLock(const MultiShardLock&) = delete;
  MultiShardLock& operator=(const MultiShardLock&) = delete;

  // The shard of `index`, for use while this lock lives.
  //
  // REQUIRES: `index` is in the constructor's set.
  Shard& operator[](ShardIndex index) const;

  // For mutants only (server/base/mutant.h): a moment without the locks.
  void LetGoForAMoment() const {
    UnlockAll();
    std::this_thread::yield();
    LockAll();
  }

 private:
  void LockAll() const;
  void UnlockAll() const;

  ShardTable& table_;
  const ShardSet shards_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_MULTI_SHARD_LOCK_H_
