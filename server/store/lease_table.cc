#include "server/store/lease_table.h"

#include "server/base/check.h"
#include "server/base/string_view.h"

namespace latchkey {

LeaseWakeups::~LeaseWakeups() {
  for (const auto& [waiter, id] : granted_) waiter->Wake({.granted = id});
  for (const auto& [lease, entry] : ended_) {
    // A waiter may be gone as soon as it was told.
    for (LeaseWaiter* waiter = lease->first_; waiter != nullptr;) {
      LeaseWaiter* const next = waiter->next_;
      waiter->Wake({.filled = entry});
      waiter = next;
    }
  }
}

void LeaseCounters::Add(const LeaseCounters& other) {
  held += other.held;
  waiting += other.waiting;
  bytes += other.bytes;
  grants += other.grants;
  ends_by_write += other.ends_by_write;
  ends_by_removal += other.ends_by_removal;
  ends_by_time += other.ends_by_time;
  waits += other.waits;
  waits_filled += other.waits_filled;
  waits_granted += other.waits_granted;
  waits_ended += other.waits_ended;
  refusals += other.refusals;
}

LeaseTable::~LeaseTable() {
  for (const auto& [key, lease] : leases_) {
    LATCHKEY_CHECK(lease->first_ == nullptr, "a store outlives its waiters");
  }
}

LeaseTable::Leases::iterator LeaseTable::Find(std::string_view key) {
  return leases_.find(ToAbsl(key));
}

LeaseId LeaseTable::HolderOf(std::string_view key, UnixNanos now) const {
  const auto it = leases_.find(ToAbsl(key));
  if (it == leases_.end() || now >= it->second->end_) return kNoLease;
  return it->second->id_;
}

LeaseTable::Verdict LeaseTable::Ask(std::string_view key, Nanos ttl,
                                    UnixNanos now, std::shared_ptr<Lease>* made,
                                    LeaseWaiter* waiter, LeaseWakeups& wakeups,
                                    LeaseId* granted) {
  auto it = Find(key);
  if (it != leases_.end() && now >= it->second->end_) {
    ++counters_.ends_by_time;
    PassOn(it, now, wakeups);
    it = Find(key);
  }
  if (it == leases_.end()) {
    if (leases_.size() >= kLeasesMax) {
      ++counters_.refusals;
      return Verdict::kTooMany;
    }
    if (*made == nullptr) return Verdict::kNeedsLease;
    Lease& lease = **made;
    LATCHKEY_CHECK(lease.key_ == key, "a lease is made for its key");
    counters_.bytes += lease.bytes_;
    leases_.emplace(absl::string_view(lease.key_), std::move(*made));
    context_.leases.fetch_add(1, std::memory_order_relaxed);
    Grant(lease, ttl, now);
    *granted = lease.id_;
    return Verdict::kGranted;
  }
  if (waiter == nullptr) return Verdict::kHeldByOther;
  if (closed_) return Verdict::kDraining;
  Lease& lease = *it->second;
  if (lease.waiting_ >= kWaitersPerKeyMax ||
      context_.waiting.load(std::memory_order_relaxed) >= kWaitersMax) {
    ++counters_.refusals;
    return Verdict::kTooMany;
  }
  context_.waiting.fetch_add(1, std::memory_order_relaxed);
  ++counters_.waits;
  ++counters_.waiting;
  ++lease.waiting_;
  waiter->lease_ = it->second;
  waiter->ttl_ = ttl;
  waiter->previous_ = lease.last_;
  waiter->next_ = nullptr;
  (lease.last_ != nullptr ? lease.last_->next_ : lease.first_) = waiter;
  lease.last_ = waiter;
  return Verdict::kWaits;
}

void LeaseTable::Grant(Lease& lease, Nanos ttl, UnixNanos now) {
  lease.id_ = context_.last_id.fetch_add(1, std::memory_order_relaxed) + 1;
  lease.end_ = SaturatingAdd(now, ttl);
  by_end_.emplace(lease.end_, &lease);
  ++counters_.grants;
}

std::shared_ptr<Lease> LeaseTable::TakeOut(Leases::iterator it) {
  std::shared_ptr<Lease> lease = std::move(it->second);
  by_end_.erase({lease->end_, lease.get()});
  leases_.erase(it);
  lease->over_ = true;
  counters_.bytes -= lease->bytes_;
  counters_.waiting -= lease->waiting_;
  context_.waiting.fetch_sub(lease->waiting_, std::memory_order_relaxed);
  context_.leases.fetch_sub(1, std::memory_order_relaxed);
  return lease;
}

void LeaseTable::Unlink(LeaseWaiter& waiter) {
  Lease& lease = *waiter.lease_;
  (waiter.previous_ != nullptr ? waiter.previous_->next_ : lease.first_) =
      waiter.next_;
  (waiter.next_ != nullptr ? waiter.next_->previous_ : lease.last_) =
      waiter.previous_;
  waiter.lease_ = nullptr;
  --lease.waiting_;
  --counters_.waiting;
  context_.waiting.fetch_sub(1, std::memory_order_relaxed);
}

void LeaseTable::PassOn(Leases::iterator it, UnixNanos now,
                        LeaseWakeups& wakeups) {
  Lease& lease = *it->second;
  if (lease.first_ == nullptr) {
    wakeups.ended_.emplace_back(TakeOut(it), EntryView{});
    return;
  }
  LeaseWaiter& next = *lease.first_;
  // It lives until it is woken; the lease lives in the table.
  Unlink(next);
  by_end_.erase({lease.end_, &lease});
  Grant(lease, next.ttl_, now);
  ++counters_.waits_granted;
  wakeups.granted_.emplace_back(&next, lease.id_);
}

void LeaseTable::OnWrite(std::string_view key, const EntryView& entry,
                         LeaseWakeups& wakeups) {
  const auto it = Find(key);
  if (it == leases_.end()) return;
  ++counters_.ends_by_write;
  counters_.waits_filled += it->second->waiting_;
  wakeups.ended_.emplace_back(TakeOut(it), entry);
}

void LeaseTable::OnRemove(std::string_view key, UnixNanos now,
                          LeaseWakeups& wakeups) {
  const auto it = Find(key);
  if (it == leases_.end()) return;
  ++counters_.ends_by_removal;
  PassOn(it, now, wakeups);
}

bool LeaseTable::Cancel(LeaseWaiter& waiter) {
  if (waiter.lease_ == nullptr || waiter.lease_->over_) return false;
  Unlink(waiter);
  ++counters_.waits_ended;
  return true;
}

size_t LeaseTable::EndExpired(UnixNanos now, size_t leases_max,
                              LeaseWakeups& wakeups) {
  size_t ended = 0;
  while (ended < leases_max && !by_end_.empty() &&
         by_end_.begin()->first <= now) {
    ++ended;
    ++counters_.ends_by_time;
    PassOn(Find(by_end_.begin()->second->key_), now, wakeups);
  }
  return ended;
}

void LeaseTable::Close(LeaseWakeups& wakeups) {
  closed_ = true;
  while (!leases_.empty()) {
    counters_.waits_ended += leases_.begin()->second->waiting_;
    wakeups.ended_.emplace_back(TakeOut(leases_.begin()), EntryView{});
  }
}

LeaseCounters LeaseTable::counters() const {
  LeaseCounters counters = counters_;
  counters.held = leases_.size();
  counters.bytes += counters.waiting * Lease::kWaiterBytes;
  return counters;
}

}  // namespace latchkey
