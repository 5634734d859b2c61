// AccountTable finds the accounts of principals by their numbers, by which
// entries and records of the store know them: a pointer would cost each 8
// bytes.
//
// Thread safety: Add() belongs to one thread at a time; Find() may be called
// from any.  Who has a number has it from the account, or by the lock of a
// shard from somebody who had, and so from after its Add(): relaxed is enough.

#ifndef LATCHKEY_SERVER_ACCESS_ACCOUNT_TABLE_H_
#define LATCHKEY_SERVER_ACCESS_ACCOUNT_TABLE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "server/access/principal_account.h"
#include "server/base/check.h"

namespace latchkey {

// Principals with an account of their own: names of certificates come from
// clients, so all beyond share one.
inline constexpr size_t kAccountsMax = 65'536;

// The highest number: that of the one which is shared.
inline constexpr uint32_t kAccountNumberMax = kAccountsMax + 1;

class AccountTable {
 public:
  AccountTable()
      : accounts_(new std::atomic<PrincipalAccount*>[kAccountNumberMax + 1]()) {
  }

  AccountTable(const AccountTable&) = delete;
  AccountTable& operator=(const AccountTable&) = delete;

  // `account` must outlive the table.
  void Add(PrincipalAccount& account) {
    LATCHKEY_CHECK(
        account.number() != kNoAccount && account.number() <= kAccountNumberMax,
        "accounts are bounded");
    accounts_[account.number()].store(&account, std::memory_order_relaxed);
  }

  // REQUIRES: there is an account of the number.
  PrincipalAccount& Find(uint32_t number) const {
    return *accounts_[number].load(std::memory_order_relaxed);
  }

 private:
  const std::unique_ptr<std::atomic<PrincipalAccount*>[]> accounts_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_ACCESS_ACCOUNT_TABLE_H_
