#include "server/store/ledger.h"

#include <algorithm>
#include <utility>

#include "server/base/check.h"

namespace latchkey {
namespace {

// How many outlived records an insert forgets: one, so that a ledger that
// forgets as much as it is told neither grows nor shrinks, and the store's
// sweep is left with what stands from a busier hour.  Where the ledger is full
// it is some more, but no write pays for all of that hour.
constexpr size_t kForgottenPerInsert = 1;
constexpr size_t kForgottenWhereFull = 16;

// Buckets to a record, at least; Grow() doubles them.  Most are empty, so that
// a search for what is not there, which is what almost all writes do, seldom
// has to look at a record.
constexpr size_t kBucketsPerRecord = 4;
constexpr size_t kBucketsMin = 16;

}  // namespace

bool LedgerBudget::Exchange(const Share& out, size_t bytes, MemoryRoom& room) {
  if (bytes > out.bytes && !room.TryGrow(bytes - out.bytes)) {
    Release(out);
    return false;
  }
  // Less than 0 wraps round, and the sum with it.
  const size_t more = bytes - out.bytes;
  // Added first and taken back where it was too much: two that race for the
  // last bytes may both be refused, but never both admitted.
  if (more != 0 &&
      bytes_.fetch_add(more, std::memory_order_relaxed) + more > bytes_max_ &&
      bytes > out.bytes) {
    bytes_.fetch_sub(more, std::memory_order_relaxed);
    Release(out);
    return false;
  }
  if (bytes > out.bytes) room.Spend(more);
  if (bytes < out.bytes) memory_.Give(out.bytes - bytes);
  if (out.records != 1) {
    records_.fetch_add(1 - out.records, std::memory_order_relaxed);
  }
  return true;
}

void LedgerBudget::Release(const Share& out) {
  bytes_.fetch_sub(out.bytes, std::memory_order_relaxed);
  records_.fetch_sub(out.records, std::memory_order_relaxed);
  memory_.Give(out.bytes);
}

Ledger::~Ledger() {
  LedgerBudget::Share all = {.records = records_.size()};
  for (const LedgerRecord& record : records_) all.bytes += record.bytes();
  budget_.Release(all);
}

const LedgerRecord* Ledger::Find(const LedgerKey& key, UnixNanos now) const {
  if (newest_.empty()) return nullptr;
  for (uint32_t number = newest_[BucketOf(key)]; Holds(number);) {
    const LedgerRecord& record = records_[number - front_];
    if (record.key() == key) {
      return Outlived(record, now) ? nullptr : &record;
    }
    number = record.older();
  }
  return nullptr;
}

void Ledger::Prefetch(const LedgerKey& key) const {
  if (records_.empty()) return;
  __builtin_prefetch(&newest_[BucketOf(key)], 1);
  __builtin_prefetch(&records_.front());
  __builtin_prefetch(&records_.back() + 1, 1);
}

bool Ledger::Reserve(size_t bytes, UnixNanos now, MemoryRoom& room) {
  LedgerBudget::Share forgotten = Forget(now, kForgottenPerInsert);
  if (budget_.Exchange(forgotten, bytes, room)) return true;
  forgotten = Forget(now, kForgottenWhereFull);
  if (MutantActive(Mutant::kLiveRecordEvicted) && forgotten.records == 0) {
    forgotten = Forget(kNever, 1);
  }
  return budget_.Exchange(forgotten, bytes, room);
}

size_t Ledger::ForgetExpired(UnixNanos now, size_t records_max) {
  const LedgerBudget::Share forgotten = Forget(now, records_max);
  if (forgotten.records > 0) budget_.Release(forgotten);
  return forgotten.records;
}

LedgerBudget::Share Ledger::Forget(UnixNanos now, size_t records_max) {
  LedgerBudget::Share forgotten;
  while (forgotten.records < records_max && !records_.empty() &&
         Outlived(records_.front(), now)) {
    ++forgotten.records;
    forgotten.bytes += records_.front().bytes();
    budget_.GiveBack(records_.front());
    records_.pop_front();
    ++front_;
  }
  return forgotten;
}

bool Ledger::MakeReadyToInsert(const LedgerKey& key, UnixNanos time) {
  if (MutantActive(Mutant::kRecordAfterUnlock) && Find(key, time) != nullptr) {
    return false;
  }
  if (newest_.size() < kBucketsPerRecord * (records_.size() + 1)) Grow();
  return true;
}

void Ledger::Link(LedgerRecord& record, uint32_t number) {
  record.set_older(std::exchange(newest_[BucketOf(record.key())], number));
}

void Ledger::Grow() {
  newest_.assign(std::max(2 * newest_.size(), kBucketsMin), front_ - 1);
  uint32_t number = front_;
  for (LedgerRecord& record : records_) Link(record, number++);
}

}  // namespace latchkey
