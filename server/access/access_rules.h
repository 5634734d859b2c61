// AccessRules say who may do what with which keys, as an operator's file tells
// it:
//
//   # Who     keys that begin with   what
//   web       text:session/          read,write
//   batch     hex:00ff               read,write,scan
//   ops       text:                  scan,admin
//
// What no line allows is not allowed.  Several lines add up.
//
// Thread safety: constant once they are read.
//
// Example:
//   absl::StatusOr<AccessRules> rules = AccessRules::Read("rules");
//   rules->Allows("web", Verb::kRead, "session/17");   // true

#ifndef LATCHKEY_SERVER_ACCESS_ACCESS_RULES_H_
#define LATCHKEY_SERVER_ACCESS_ACCESS_RULES_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace latchkey {

enum class Verb : uint8_t {
  // To see the entry of a key, or demand something of it.
  kRead = 1,
  // To change it, and to see what the answer of a write tells.
  kWrite = 2,
  // To list keys, with their values.
  kScan = 4,
  // To ask about the server: its statistics, reflection.  Of no key.
  kAdmin = 8,
};

// Lines of one principal: each is looked at for each key.
inline constexpr size_t kRulesPerPrincipalMax = 256;

// The longest prefix: that of the longest key.
inline constexpr size_t kRulePrefixBytesMax = 1024;

// What one principal may do: a view of AccessRules, for who has many keys.
class PrincipalRules {
 public:
  // As those of AccessRules.
  bool Allows(Verb verb, std::string_view key) const;
  bool AllowsSome(Verb verb) const;

 private:
  friend class AccessRules;

  struct Rule {
    std::string prefix;
    // Verbs, added up.
    uint8_t verbs = 0;
  };

  explicit PrincipalRules(std::span<const Rule> rules) : rules_(rules) {}

  std::span<const Rule> rules_;
};

class AccessRules {
 public:
  // Errors: INVALID_ARGUMENT, as "rules.txt:3: ...".  A file without any rule
  // is one: it is more likely half written than meant.
  static absl::StatusOr<AccessRules> Read(const std::string& file);

  // Of a principal, also of one that no line names.
  PrincipalRules Of(std::string_view principal) const;

  // Whether `principal` may do so with a key or, with kScan, with all keys that
  // begin with it.  The key of kAdmin is empty.
  bool Allows(std::string_view principal, Verb verb,
              std::string_view key) const {
    return Of(principal).Allows(verb, key);
  }

  // Whether there is a key with which it may do so.
  bool AllowsSome(std::string_view principal, Verb verb) const {
    return Of(principal).AllowsSome(verb);
  }

 private:
  using Rule = PrincipalRules::Rule;

  AccessRules() = default;

  absl::Status AddLine(std::span<const std::string_view> words);

  absl::flat_hash_map<std::string, std::vector<Rule>> rules_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_ACCESS_ACCESS_RULES_H_
