// AuditWorkload reads every account once, for the sum at the end of a run.
//
// More accounts than one request may read at one moment are read in several;
// two audits with the same versions everywhere together show one moment, since
// versions never repeat.
//
// Thread safety: an instance belongs to one thread.

#ifndef LATCHKEY_CLIENT_LOAD_AUDIT_WORKLOAD_H_
#define LATCHKEY_CLIENT_LOAD_AUDIT_WORKLOAD_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "client/load/account_book.h"
#include "client/load/batch_cursor.h"
#include "client/load/workload.h"
#include "latchkey/v1/cache.pb.h"

namespace latchkey::load {

class AuditWorkload final : public Workload {
 public:
  AuditWorkload(AccountBook& book, size_t slots);

  std::optional<Call> Begin(size_t slot) override;
  Step Continue(size_t slot, const Completion& completion,
                Tally& tally) override;

  // What was read, by account.  Accounts of which no good answer came are all
  // zeros, and counted in the tally.
  const std::vector<AccountState>& accounts() const { return accounts_; }

 private:
  AccountBook& book_;
  BatchCursor cursor_;
  std::vector<KeyRange> ranges_;
  std::vector<AccountState> accounts_;
  v1::BatchGetRequest request_;
  v1::BatchGetResponse response_;
};

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_AUDIT_WORKLOAD_H_
