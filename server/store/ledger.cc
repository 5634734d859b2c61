#include "server/store/ledger.h"

#include <algorithm>
#include <utility>

#include "server/base/check.h"

namespace latchkey {
namespace {

// How many outlived records an insert forgets: at most so many, so that no
// write pays for a quiet hour of others; and at least so many, since each is
// far from the processor, and several are fetched in hardly more time than one.
constexpr size_t kForgottenPerInsertMax = 16;
constexpr size_t kForgottenPerInsertMin = 8;

constexpr size_t kBucketsMin = 16;

}  // namespace

bool LedgerBudget::Exchange(const Share& out, size_t bytes) {
  // Less than 0 wraps round, and the sum with it.
  const size_t more = bytes - out.bytes;
  // Added first and taken back where it was too much: two that race for the
  // last bytes may both be refused, but never both admitted.
  if (more != 0 &&
      bytes_.fetch_add(more, std::memory_order_relaxed) + more > bytes_max_ &&
      bytes > out.bytes) {
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    records_.fetch_sub(out.records, std::memory_order_relaxed);
    return false;
  }
  if (out.records != 1) {
    records_.fetch_add(1 - out.records, std::memory_order_relaxed);
  }
  return true;
}

void LedgerBudget::Release(const Share& out) {
  bytes_.fetch_sub(out.bytes, std::memory_order_relaxed);
  records_.fetch_sub(out.records, std::memory_order_relaxed);
}

Ledger::~Ledger() {
  LedgerBudget::Share all = {.records = records_.size()};
  for (const LedgerRecord& record : records_) all.bytes += record.bytes();
  budget_.Release(all);
}

const LedgerRecord* Ledger::Find(const HashedKey& scoped_key,
                                 UnixNanos now) const {
  if (newest_.empty()) return nullptr;
  const auto hash = static_cast<uint32_t>(scoped_key.hash);
  for (uint32_t number = newest_[hash & (newest_.size() - 1)]; Holds(number);) {
    const LedgerRecord& record = records_[number - front_];
    if (record.hash() == hash && record.scoped_key() == scoped_key.key) {
      return Outlived(record, now) ? nullptr : &record;
    }
    number = record.older();
  }
  return nullptr;
}

void Ledger::Prefetch(const HashedKey& scoped_key) const {
  if (newest_.empty()) return;
  __builtin_prefetch(&newest_[scoped_key.hash & (newest_.size() - 1)]);
}

bool Ledger::Reserve(size_t bytes, UnixNanos now) {
  LedgerBudget::Share forgotten;
  if (now >= forget_at_) forgotten = Forget(now, kForgottenPerInsertMax);
  if (budget_.Exchange(forgotten, bytes)) return true;
  // There may be some that were not worth it.
  forgotten = Forget(now, kForgottenPerInsertMax);
  if (MutantActive(Mutant::kLiveRecordEvicted) && forgotten.records == 0) {
    forgotten = Forget(kNever, 1);
  }
  return budget_.Exchange(forgotten, bytes);
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
    records_.pop_front();
    ++front_;
  }
  PlanForgetting();
  return forgotten;
}

void Ledger::PlanForgetting() {
  forget_at_ = records_.size() < kForgottenPerInsertMin
                   ? kNever
                   : OutlivedAt(records_[kForgottenPerInsertMin - 1]);
}

bool Ledger::MakeReadyToInsert(const HashedKey& scoped_key, UnixNanos time) {
  if (Find(scoped_key, time) != nullptr) {
    LATCHKEY_CHECK(MutantActive(Mutant::kRecordAfterUnlock),
                   "a write is recorded once within the window");
    return false;
  }
  if (newest_.size() < 2 * (records_.size() + 1)) Grow();
  return true;
}

void Ledger::Link(uint32_t number) {
  LedgerRecord& record = records_[number - front_];
  record.set_older(std::exchange(Newest(record.hash()), number));
  if (records_.size() == kForgottenPerInsertMin) PlanForgetting();
}

void Ledger::Grow() {
  newest_.assign(std::max(2 * newest_.size(), kBucketsMin), front_ - 1);
  for (size_t i = 0; i < records_.size(); ++i) {
    Link(front_ + static_cast<uint32_t>(i));
  }
}

}  // namespace latchkey
