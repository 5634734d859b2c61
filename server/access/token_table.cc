#include "server/access/token_table.h"

#include <sodium/crypto_hash_sha256.h>
#include <sodium/utils.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/base/string_view.h"

namespace latchkey {
namespace {

struct CloseFile {
  void operator()(FILE* file) const { std::fclose(file); }
};

absl::StatusOr<std::string> ReadFile(const std::string& name) {
  const auto bad = [&name](const char* problem) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": ", problem));
  };
  const std::unique_ptr<FILE, CloseFile> file(std::fopen(name.c_str(), "rbe"));
  if (file == nullptr) return bad(std::strerror(errno));
  std::string text(kTokensFileBytesMax + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) return bad(std::strerror(errno));
  if (text.size() > kTokensFileBytesMax) return bad("is larger than 1 MiB");
  return text;
}

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
  const absl::StatusOr<std::string> text = ReadFile(file);
  if (!text.ok()) return text.status();
  TokenTable table;
  int number = 0;
  for (const absl::string_view line : absl::StrSplit(*text, '\n')) {
    ++number;
    if (absl::Status s = table.AddLine(ToStd(line), principals); !s.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(file, ":", number, ": ", s.message()));
    }
  }
  if (table.tokens_.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ": there is no token in it"));
  }
  return table;
}

absl::Status TokenTable::AddLine(std::string_view line,
                                 PrincipalNames& principals) {
  const std::vector<absl::string_view> words =
      absl::StrSplit(ToAbsl(line), absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
  if (words.empty() || words[0][0] == '#') return absl::OkStatus();
  if (words.size() != 2) {
    return Bad("a line is a principal and the SHA-256 of a token");
  }
  if (words[0].size() > kPrincipalBytesMax ||
      !std::all_of(words[0].begin(), words[0].end(), absl::ascii_isgraph)) {
    return Bad("a principal is up to 63 characters of visible ASCII");
  }
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
