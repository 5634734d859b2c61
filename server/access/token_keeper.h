// TokenKeeper says who a call comes from, by the TokenTable of a file, which it
// reads again when it is told to: calls that are on their way go on with the
// principal that they began with, later ones are judged by the new table.
//
// Thread safety: Reload() belongs to one thread at a time; the rest from any.
//
// Example:
//   absl::StatusOr<std::unique_ptr<TokenKeeper>> keeper =
//       TokenKeeper::Open("/etc/latchkey/tokens");
//   if (!keeper.ok()) return Refuse(keeper.status());
//   ...
//   const Caller caller = (*keeper)->Find("Bearer s3cret");
//   if (caller.principal == nullptr) return Unauthenticated();

#ifndef LATCHKEY_SERVER_ACCESS_TOKEN_KEEPER_H_
#define LATCHKEY_SERVER_ACCESS_TOKEN_KEEPER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/access/principal_account.h"
#include "server/access/token_table.h"
#include "server/base/mutex.h"

namespace latchkey {

// Who has sent a call, and which table said so.
struct Caller {
  // Null: nobody that is known.  What a table says lives as long as its keeper.
  const Principal* principal = nullptr;
  // The number of the table; 0: it was none, but the client's certificate.
  uint64_t generation = 0;
  // What the principal uses; null for a server without limits.
  PrincipalAccount* account = nullptr;
};

class TokenKeeper {
 public:
  // Reads the file.  Errors: as TokenTable::Read().
  static absl::StatusOr<std::unique_ptr<TokenKeeper>> Open(std::string file);

  TokenKeeper(const TokenKeeper&) = delete;
  TokenKeeper& operator=(const TokenKeeper&) = delete;

  const std::string& file() const { return file_; }

  // Who holds the token of `authorization`, the value of the metadata of that
  // name: "Bearer" and the token (RFC 6750).
  Caller Find(std::string_view authorization) const;

  // Whether Find() would still say so.  REQUIRES: a table has.
  bool IsCurrent(const Caller& caller) const {
    return caller.generation == generation_.load(std::memory_order_acquire);
  }

  // Reads the file again.  Where that fails, the old table stays.  Errors: as
  // TokenTable::Read().
  absl::Status Reload();

 private:
  explicit TokenKeeper(std::string file) : file_(std::move(file)) {}

  // Constant after construction.
  const std::string file_;

  // Belongs to who calls Reload().
  PrincipalNames principals_;

  // Synchronises itself: how many tables there were.  Reload() sets it with
  // release when the table is there; who remembers a caller observes it with
  // acquire, and so finds that table when it asks again.
  std::atomic<uint64_t> generation_ = 0;

  // Guarded by mutex_.
  mutable Mutex mutex_;
  std::shared_ptr<const TokenTable> table_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_ACCESS_TOKEN_KEEPER_H_
