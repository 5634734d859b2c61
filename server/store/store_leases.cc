// What Store does with leases.

#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "server/base/check.h"
#include "server/base/error.h"
#include "server/base/sync_point.h"
#include "server/store/read_rules.h"
#include "server/store/rules.h"
#include "server/store/store.h"

namespace latchkey {
namespace {

absl::Status TooManyLeasesError() {
  return MakeError(absl::StatusCode::kUnavailable, ErrorReason::kOverloaded,
                   "too many callers hold or wait for leases");
}

bool IsNearItsEnd(const Entry& entry, UnixNanos now, Nanos refresh_below) {
  return entry.expire_time() != kNever &&
         entry.expire_time() - now < refresh_below;
}

}  // namespace

absl::StatusOr<LeasedGet> Store::GetOrLease(const GetOperation& operation,
                                            const LeaseDemand& demand,
                                            LeaseWaiter* waiter,
                                            DeadlineToken token) {
  LATCHKEY_CHECK(!operation.touch.has_value(), "a touching read is a write");
  ReachSyncPoint(SyncPoint::kBeforeFirstLock);
  if (absl::Status s = CheckToken(token, clock_.Now()); !s.ok()) return s;
  const HashedKey key = {operation.key, hasher_.Hash(operation.key)};
  MemoryRoom room(memory_);
  const auto make_room = [&](size_t bytes, MemoryRoom& of) {
    return evictor_.MakeRoom(
        bytes, key.shard(), [](std::string_view) { return false; }, of);
  };
  if (waiter != nullptr && !make_room(Lease::kWaiterBytes, waiter->room_)) {
    return OutOfMemoryError();
  }
  // Mostly one turn: the second with the lease that the first found missing.
  std::shared_ptr<Lease> made;
  bool no_memory = false;
  for (;;) {
    using Verdict = LeaseTable::Verdict;
    Verdict verdict = Verdict::kHeldByOther;
    {
      // Told after the lock.
      LeaseWakeups wakeups;
      Shard& shard = (*shards_)[key.shard()];
      ShardLock lock(shard);
      ReachSyncPoint(SyncPoint::kCommit);
      const UnixNanos now = clock_.Now();
      // Who waits is told of its end by CancelWait(), from a subscription that
      // came before: either that finds it in the queue, or this sees the end.
      if (absl::Status s = CheckToken(token, now); !s.ok()) return s;
      Entry* const entry = shard.Find(key, now);
      LeasedGet answer;
      answer.result = MakeGetResult(entry, operation.if_version_not);
      if (entry != nullptr &&
          (no_memory || !IsNearItsEnd(*entry, now, demand.refresh_below))) {
        shard.CountRead(entry);
        return answer;
      }
      if (no_memory) return OutOfMemoryError();
      verdict = shard.leases().Ask(operation.key, demand.ttl, now, &made,
                                   entry == nullptr ? waiter : nullptr, wakeups,
                                   &answer.granted);
      const bool must_wait =
          verdict == Verdict::kHeldByOther && entry == nullptr && demand.wait;
      if (verdict != Verdict::kNeedsLease && !must_wait) shard.CountRead(entry);
      // A refresh that cannot be had is none.
      if (entry != nullptr && verdict != Verdict::kNeedsLease) return answer;
      switch (verdict) {
        case Verdict::kNeedsLease:
          break;
        case Verdict::kTooMany:
          return TooManyLeasesError();
        case Verdict::kDraining:
          return EndedError(EndReason::kDraining, DeadlineStage::kBeforeCommit);
        default:
          answer.held_by_other = verdict == Verdict::kHeldByOther;
          answer.waits = verdict == Verdict::kWaits;
          return answer;
      }
    }
    no_memory = !make_room(Lease::BytesOf(operation.key), room);
    if (!no_memory) made = std::make_shared<Lease>(operation.key, room);
  }
}

bool Store::CancelWait(LeaseWaiter& waiter) {
  Shard& shard = (*shards_)[waiter.shard_];
  ShardLock lock(shard);
  return shard.leases().Cancel(waiter);
}

std::string Store::LeaseToken(LeaseId id) const {
  std::string token(2 * sizeof(uint64_t), '\0');
  std::memcpy(token.data(), &incarnation_, sizeof(incarnation_));
  std::memcpy(token.data() + sizeof(incarnation_), &id, sizeof(id));
  return token;
}

LeaseId Store::ParseLeaseToken(std::string_view token) const {
  LeaseId id = kVoidLease;
  if (token.size() == 2 * sizeof(uint64_t) &&
      std::memcmp(token.data(), &incarnation_, sizeof(incarnation_)) == 0) {
    std::memcpy(&id, token.data() + sizeof(incarnation_), sizeof(id));
  }
  // No caller says "no lease" by a token.
  return id == kNoLease ? kVoidLease : id;
}

}  // namespace latchkey
