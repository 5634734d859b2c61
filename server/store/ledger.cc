#include "server/store/ledger.h"

#include <utility>

#include "server/base/check.h"
#include "server/base/mutant.h"

namespace latchkey {
namespace {

// How many outlived records an insert forgets at most, so that no write pays
// for a quiet hour of others.
constexpr size_t kForgottenPerInsertMax = 16;

}  // namespace

bool LedgerBudget::Reserve(size_t bytes) {
  // Added first and taken back where it was too much: two that race for the
  // last bytes may both be refused, but never both admitted.
  if (bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes > bytes_max_) {
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
  }
  records_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

void LedgerBudget::Release(size_t bytes) {
  bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  records_.fetch_sub(1, std::memory_order_relaxed);
}

Ledger::Ledger(const KeyHasher& hasher, LedgerBudget& budget)
    : budget_(budget), table_(0, RecordHash{&hasher}) {}

Ledger::~Ledger() {
  for (const LedgerRecord::Ptr& record : oldest_first_) {
    budget_.Release(record->bytes());
  }
}

const LedgerRecord* Ledger::Find(const HashedKey& scoped_key,
                                 UnixNanos now) const {
  const auto it = table_.find(scoped_key);
  if (it == table_.end() || Outlived(**it, now)) return nullptr;
  return *it;
}

bool Ledger::Reserve(const LedgerRecord& record, UnixNanos now) {
  ForgetExpired(now, kForgottenPerInsertMax);
  if (budget_.Reserve(record.bytes())) return true;
  return MutantActive(Mutant::kLiveRecordEvicted) &&
         ForgetExpired(kNever, 1) == 1 && budget_.Reserve(record.bytes());
}

void Ledger::Insert(const HashedKey& scoped_key, LedgerRecord::Ptr record) {
  const auto it = table_.find(scoped_key);
  if (it != table_.end()) {
    if (MutantActive(Mutant::kRecordAfterUnlock)) return;
    LATCHKEY_CHECK(Outlived(**it, record->complete_time()),
                   "a write is recorded once within the window");
    table_.erase(it);
  }
  table_.insert(record.get());
  oldest_first_.push_back(std::move(record));
}

size_t Ledger::ForgetExpired(UnixNanos now, size_t records_max) {
  size_t forgotten = 0;
  while (forgotten < records_max && !oldest_first_.empty() &&
         Outlived(*oldest_first_.front(), now)) {
    LedgerRecord* record = oldest_first_.front().get();
    const auto it = table_.find(record);
    if (it != table_.end() && *it == record) table_.erase(it);
    budget_.Release(record->bytes());
    oldest_first_.pop_front();
    ++forgotten;
  }
  return forgotten;
}

}  // namespace latchkey
