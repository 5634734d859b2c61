// LeaseTable is one shard's leases: who may fill which key, and who waits for
// it.  A lease is the right of one caller to fill a key that is missing, or to
// refresh one that is about to expire; it never stands in the way of a write.
//
// Rules:
//   1. A key has at most one lease.  It ends by the first of: a write of the
//      key, its removal by an operation (also of a missing key: what the holder
//      read of the origin may be older than that), its time.  An expiry or an
//      eviction of the entry leaves it: nothing that the holder knows is false.
//   2. Callers wait in a queue, first come, first served.  A write of the key
//      tells all of them the entry.  Where the lease ends otherwise, the first
//      of them gets a new one, for the time that it asked for, and the others
//      wait on.  Who comes after the end of a lease never passes who waited.
//   3. Whoever takes a waiter out of its queue, under the mutex, decides its
//      fate: it is told once by Wake(), or Cancel() was true, but never both.
//
// Thread safety: the shard's mutex guards a table.  News for waiters is told
// after it is released: by the end of a LeaseWakeups.

#ifndef LATCHKEY_SERVER_STORE_LEASE_TABLE_H_
#define LATCHKEY_SERVER_STORE_LEASE_TABLE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "server/base/clock.h"
#include "server/store/hashed_key.h"
#include "server/store/memory_budget.h"
#include "server/store/operations.h"

namespace latchkey {

struct LeaseDemand {
  // How long the lease is to last; > 0.
  Nanos ttl = 0;
  // An entry with less than this left to live is leased too.
  Nanos refresh_below = 0;
  bool wait = false;
};

// What a waiter is told: the entry, or its lease, or neither where the server
// drains.
struct LeaseNews {
  EntryView filled;
  LeaseId granted = kNoLease;
};

class Lease;

// One caller that waits.  Its owner makes it, hands it to Store::GetOrLease(),
// and destroys it after Wake(), or after Store::CancelWait() was true, or where
// it was never made to wait.
class LeaseWaiter {
 public:
  LeaseWaiter(MemoryBudget& memory, ShardIndex shard)
      : room_(memory), shard_(shard) {}
  virtual ~LeaseWaiter() = default;

  LeaseWaiter(const LeaseWaiter&) = delete;
  LeaseWaiter& operator=(const LeaseWaiter&) = delete;

  // The wait is over.  Called once, with no lock held, on the thread whose
  // operation ended it: must not block.
  virtual void Wake(LeaseNews news) = 0;

 private:
  friend class LeaseTable;
  friend class LeaseWakeups;
  friend class Store;

  MemoryRoom room_;
  const ShardIndex shard_;

  // Guarded by the shard's mutex.  Null: it does not wait (yet).
  std::shared_ptr<Lease> lease_;
  LeaseWaiter* previous_ = nullptr;
  LeaseWaiter* next_ = nullptr;
  Nanos ttl_ = 0;
};

// What all tables share.  The words agree with nothing else, so they are
// relaxed.
struct LeaseContext {
  std::atomic<LeaseId> last_id = kNoLease;
  std::atomic<size_t> leases = 0;
  std::atomic<size_t> waiting = 0;
};

// A lease and its queue; made with no lock held, guarded by the mutex of its
// table's shard afterwards.
class Lease {
 public:
  // What a lease and a waiter take, with their places in the indexes.
  static size_t BytesOf(std::string_view key) { return 320 + key.size(); }
  static constexpr size_t kWaiterBytes = 512;

  // REQUIRES: `room` has BytesOf(key), which the lease takes over.
  Lease(std::string_view key, MemoryRoom& room)
      : key_(key), memory_(room.budget()), bytes_(BytesOf(key)) {
    room.Spend(bytes_);
  }
  ~Lease() { memory_.Give(bytes_); }

  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

 private:
  friend class LeaseTable;
  friend class LeaseWakeups;

  const std::string key_;
  MemoryBudget& memory_;
  const size_t bytes_;
  LeaseId id_ = kNoLease;
  UnixNanos end_ = 0;
  // It left its table: its queue belongs to a LeaseWakeups.
  bool over_ = false;
  size_t waiting_ = 0;
  LeaseWaiter* first_ = nullptr;
  LeaseWaiter* last_ = nullptr;
};

// The news of one operation.  Its end tells them.
//
// REQUIRES: it ends with no shard mutex held.
class LeaseWakeups {
 public:
  LeaseWakeups() = default;
  ~LeaseWakeups();

  LeaseWakeups(const LeaseWakeups&) = delete;
  LeaseWakeups& operator=(const LeaseWakeups&) = delete;

 private:
  friend class LeaseTable;

  absl::InlinedVector<std::pair<LeaseWaiter*, LeaseId>, 1> granted_;
  // With the whole queue of each.  Null entry: the server drains.
  absl::InlinedVector<std::pair<std::shared_ptr<Lease>, EntryView>, 1> ended_;
};

struct LeaseCounters {
  // Now.
  uint64_t held = 0;
  uint64_t waiting = 0;
  uint64_t bytes = 0;

  // Leases that were granted, and how they ended.
  uint64_t grants = 0;
  uint64_t ends_by_write = 0;
  uint64_t ends_by_removal = 0;
  uint64_t ends_by_time = 0;

  // Calls that began to wait, and how that ended; the rest still waits.
  uint64_t waits = 0;
  uint64_t waits_filled = 0;
  uint64_t waits_granted = 0;
  uint64_t waits_ended = 0;
  // Calls that found too many before them.
  uint64_t refusals = 0;

  void Add(const LeaseCounters& other);
};

class LeaseTable {
 public:
  // Beyond these a caller is refused.  A shard's leases: 1 M in all, of which
  // each takes memory from the budget.
  static constexpr size_t kLeasesMax = 4'096;
  static constexpr size_t kWaitersPerKeyMax = 10'000;
  static constexpr size_t kWaitersMax = 100'000;

  enum class Verdict : uint8_t {
    kGranted,
    kHeldByOther,
    kWaits,
    // `made` is missing: call again with it.
    kNeedsLease,
    kTooMany,
    kDraining,
  };

  // `context` must outlive the table.
  explicit LeaseTable(LeaseContext& context) : context_(context) {}
  ~LeaseTable();

  LeaseTable(const LeaseTable&) = delete;
  LeaseTable& operator=(const LeaseTable&) = delete;

  bool empty() const { return leases_.empty(); }

  // The lease of `key` at `now`, or kNoLease.
  LeaseId HolderOf(std::string_view key, UnixNanos now) const;

  // Asks for the lease of `key`.  Where another has it the caller waits, if
  // `waiter` is not null.  `*made` is taken where it is needed.
  Verdict Ask(std::string_view key, Nanos ttl, UnixNanos now,
              std::shared_ptr<Lease>* made, LeaseWaiter* waiter,
              LeaseWakeups& wakeups, LeaseId* granted);

  // The key was written.
  void OnWrite(std::string_view key, const EntryView& entry,
               LeaseWakeups& wakeups);

  // The key was removed, or would have been had it been there.
  void OnRemove(std::string_view key, UnixNanos now, LeaseWakeups& wakeups);

  // Takes a waiter out of its queue.  False: it does not wait, or its fate was
  // decided before.
  bool Cancel(LeaseWaiter& waiter);

  // Ends leases whose time is over at `now`, at most `leases_max`; returns how
  // many.
  size_t EndExpired(UnixNanos now, size_t leases_max, LeaseWakeups& wakeups);

  // Ends all waits, and lets none begin.
  void Close(LeaseWakeups& wakeups);

  LeaseCounters counters() const;

 private:
  using Leases = absl::btree_map<absl::string_view, std::shared_ptr<Lease>>;

  Leases::iterator Find(std::string_view key);
  // Gives an ended lease to the first that waits, or forgets it.
  void PassOn(Leases::iterator it, UnixNanos now, LeaseWakeups& wakeups);
  std::shared_ptr<Lease> TakeOut(Leases::iterator it);
  void Unlink(LeaseWaiter& waiter);
  // A new number and time.
  void Grant(Lease& lease, Nanos ttl, UnixNanos now);

  LeaseContext& context_;
  Leases leases_;
  absl::btree_set<std::pair<UnixNanos, Lease*>> by_end_;
  LeaseCounters counters_;
  bool closed_ = false;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_LEASE_TABLE_H_
