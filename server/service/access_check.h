// AccessCheck judges what calls ask for by the AccessRules of now, on the keys
// that the store is about to be asked for: no handler asks the store before.
//
// What is not allowed is PERMISSION_DENIED, the same for every key, whether it
// is there or not.  One operation that is not allowed is enough for a batch or
// transaction, also one that would not run.  One without any is for who may do
// the like with some key: it may take room in the ledger all the same.
//
// Thread safety: constant; from any thread.

#ifndef LATCHKEY_SERVER_SERVICE_ACCESS_CHECK_H_
#define LATCHKEY_SERVER_SERVICE_ACCESS_CHECK_H_

#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "server/access/rules_keeper.h"
#include "server/rpc/call.h"
#include "server/store/operations.h"

namespace latchkey {

class AccessCheck {
 public:
  // Null: everything is allowed.  `rules` must outlive the check.
  explicit AccessCheck(const RulesKeeper* rules) : rules_(rules) {}

  // Whether the call may do `verb` with `key`, as AccessRules::Allows() has it.
  absl::Status Check(const Call& call, Verb verb, std::string_view key) const {
    return rules_ == nullptr ||
                   rules_->rules().Allows(call.principal(), verb, key)
               ? absl::OkStatus()
               : Denied();
  }

  // Whether it may with all of them.
  absl::Status Check(const Call& call, Verb verb,
                     std::span<const std::string_view> keys) const;

  // Whether it may do all that the transaction might.  Who moves an entry reads
  // it: another may read its new key.
  absl::Status Check(const Call& call, const Transaction& transaction) const;

  // Whether there is a key that it may write: only who has written can ask what
  // became of it.
  absl::Status CheckMayWrite(const Call& call) const;

 private:
  static absl::Status Denied();

  const RulesKeeper* const rules_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SERVICE_ACCESS_CHECK_H_
