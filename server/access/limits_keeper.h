// LimitsKeeper has an account for each principal, with the limits that an
// operator's file gives it:
//
//   # Who   how much of what
//   web     operations-per-second=1000 live-calls=50 bytes=1000000000
//   *       live-calls=10 connections=4 ledger-records=10000
//
// `*` is each principal that has no line; without it they have no limits.  The
// file is read again when the keeper is told to; accounts stay, so that what is
// in use goes on to count.
//
// Thread safety: Reload() belongs to one thread at a time; the rest from any.
//
// Example:
//   PrincipalAccount* account = (*keeper)->AccountOf("web");
//   if (!account->live_calls().Take(1)) return OverItsLimit();

#ifndef LATCHKEY_SERVER_ACCESS_LIMITS_KEEPER_H_
#define LATCHKEY_SERVER_ACCESS_LIMITS_KEEPER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/container/node_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/access/account_table.h"
#include "server/access/principal_account.h"
#include "server/base/mutex.h"

namespace latchkey {

class LimitsKeeper {
 public:
  // Reads the file.  Errors: INVALID_ARGUMENT, as "limits.txt:3: ...".  A file
  // without any limit is one; so is a limit of connections for a transport of
  // which `counts_connections` is not true.
  static absl::StatusOr<std::unique_ptr<LimitsKeeper>> Open(
      std::string file, bool counts_connections);

  LimitsKeeper(const LimitsKeeper&) = delete;
  LimitsKeeper& operator=(const LimitsKeeper&) = delete;

  const std::string& file() const { return file_; }

  // The account of `principal`, which lives as long as the keeper; kAccountsMax
  // have one of their own, and all beyond share one, with the limits of `*`.
  // It takes a lock: who makes many calls remembers it.
  PrincipalAccount* AccountOf(std::string_view principal);

  // All of these.
  const AccountTable& accounts() const { return table_; }

  // Reads the file again.  Where that fails, the old limits stay.  Errors: as
  // Open().
  absl::Status Reload();

  // How often all accounts have refused.
  struct Refusals {
    uint64_t operations = 0;
    uint64_t live_calls = 0;
    uint64_t connections = 0;
    uint64_t ledger_records = 0;
    uint64_t bytes = 0;
  };
  Refusals refusals() const;

 private:
  using Lines = absl::flat_hash_map<std::string, PrincipalLimits>;

  LimitsKeeper(std::string file, bool counts_connections);

  absl::Status AddLimit(std::string_view word, PrincipalLimits& limits) const;

  PrincipalLimits LimitsOfLocked(std::string_view principal) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Constant after construction.
  const std::string file_;
  const bool counts_connections_;

  // Synchronises itself, but that mutex_ is held for Add().
  AccountTable table_;

  // Guarded by mutex_.
  mutable Mutex mutex_;
  Lines lines_ ABSL_GUARDED_BY(mutex_);
  absl::node_hash_map<std::string, PrincipalAccount> accounts_
      ABSL_GUARDED_BY(mutex_);
  PrincipalAccount others_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_ACCESS_LIMITS_KEEPER_H_
