#include "server/access/token_table.h"

#include <sodium/crypto_hash_sha256.h>
#include <sodium/utils.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "server/access/lines.h"
#include "server/base/string_view.h"

namespace latchkey {
namespace {

uint64_t PrefixOf(const unsigned char* digest) {
  uint64_t prefix;
  std::memcpy(&prefix, digest, sizeof(prefix));
  return prefix;
}

absl::Status Bad(std::string_view problem) {
  return absl::InvalidArgumentError(ToAbsl(problem));
}

}  // namespace

absl::StatusOr<TokenTable> TokenTable::Read(const std::string& file,
                                            PrincipalNames& principals) {
  TokenTable table;
  absl::Status status = ReadLines(
      file, [&](const auto words) { return table.AddLine(words, principals); });
  if (!status.ok()) return status;
  if (table.tokens_.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ": there is no token in it"));
  }
  return table;
}

absl::Status TokenTable::AddLine(std::span<const std::string_view> words,
                                 PrincipalNames& principals) {
  if (words.size() != 2) {
    return Bad("a line is a principal and the SHA-256 of a token");
  }
  if (absl::Status s = CheckPrincipal(words[0]); !s.ok()) return s;
  Holder holder;
  size_t bytes = 0;
  const char* end = nullptr;
  if (words[1].size() != 2 * holder.digest.size() ||
      sodium_hex2bin(holder.digest.data(), holder.digest.size(),
                     words[1].data(), words[1].size(), nullptr, &bytes,
                     &end) != 0 ||
      bytes != holder.digest.size()) {
    return Bad("a SHA-256 is 64 hexadecimal digits");
  }
  holder.principal = &*principals.emplace(words[0]).first;
  if (!tokens_.emplace(PrefixOf(holder.digest.data()), holder).second) {
    return Bad("the token stands in a line above, too");
  }
  return absl::OkStatus();
}

const Principal* TokenTable::Find(std::string_view token) const {
  Digest digest;
  crypto_hash_sha256(digest.data(),
                     reinterpret_cast<const unsigned char*>(token.data()),
                     token.size());
  const auto it = tokens_.find(PrefixOf(digest.data()));
  if (it == tokens_.end()) return nullptr;
  const Holder& holder = it->second;
  return sodium_memcmp(holder.digest.data(), digest.data(), digest.size()) == 0
             ? holder.principal
             : nullptr;
}

}  // namespace latchkey
