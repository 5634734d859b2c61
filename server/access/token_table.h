// TokenTable says who holds which bearer token, as an operator's file tells it:
//
//   # A line is a principal and the SHA-256 of one of its tokens, in hex.
//   web    9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
//   web    60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752
//   batch  fd61a03af4f77d870fc21e05e7e80678095c92d808cfb3b5c279ee04c74aca13
//
// Several lines of one principal are several tokens that are good at once, so
// that one can be replaced by the next without a moment when neither is.  The
// file tells no token: it is a random text of which nobody finds another one
// with the same hash.
//
// Thread safety: constant once it is read.
//
// Example:
//   absl::StatusOr<TokenTable> table = TokenTable::Read("tokens", principals);
//   const Principal* principal = table->Find("s3cret");   // or nullptr

#ifndef LATCHKEY_SERVER_ACCESS_TOKEN_TABLE_H_
#define LATCHKEY_SERVER_ACCESS_TOKEN_TABLE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/container/node_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace latchkey {

// Who calls: a name of an operator's choice.
using Principal = std::string;

// Every principal that was ever read, at an address that stays: calls that are
// on their way refer to it.  They are as few as an operator writes.
using PrincipalNames = absl::node_hash_set<Principal>;

class TokenTable {
 public:
  // The table that `file` holds; its principals are added to `principals`,
  // which must outlive the table.
  //
  // Errors: INVALID_ARGUMENT, as "tokens.txt:3: ...".  A file without any token
  // is one: it is more likely half written than meant.
  static absl::StatusOr<TokenTable> Read(const std::string& file,
                                         PrincipalNames& principals);

  // Who holds `token`, or nullptr.  How long it takes tells nothing about the
  // tokens that are good: a wrong one's hash is all that is looked at, and
  // whoever could choose that would not need to guess.
  const Principal* Find(std::string_view token) const;

  size_t size() const { return tokens_.size(); }

 private:
  using Digest = std::array<unsigned char, 32>;

  struct Holder {
    Digest digest;
    const Principal* principal;
  };

  TokenTable() = default;

  // One line of the file; what is wrong about it is the message of the error.
  absl::Status AddLine(std::span<const std::string_view> words,
                       PrincipalNames& principals);

  // By the first bytes of the digest.
  absl::flat_hash_map<uint64_t, Holder> tokens_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_ACCESS_TOKEN_TABLE_H_
