#include "server/access/access_rules.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/access/lines.h"
#include "server/base/string_view.h"

namespace latchkey {
namespace {

constexpr std::pair<std::string_view, Verb> kVerbs[] = {
    {"read", Verb::kRead},
    {"write", Verb::kWrite},
    {"scan", Verb::kScan},
    {"admin", Verb::kAdmin}};

constexpr std::string_view kText = "text:";
constexpr std::string_view kHex = "hex:";

uint8_t Bit(Verb verb) { return static_cast<uint8_t>(verb); }

absl::Status Bad(std::string_view problem) {
  return absl::InvalidArgumentError(ToAbsl(problem));
}

absl::StatusOr<std::string> ParsePrefix(std::string_view word) {
  std::string prefix;
  if (word.starts_with(kText)) {
    prefix = word.substr(kText.size());
  } else if (word.starts_with(kHex)) {
    const std::string_view digits = word.substr(kHex.size());
    if (digits.size() % 2 != 0 ||
        !std::all_of(digits.begin(), digits.end(), absl::ascii_isxdigit)) {
      return Bad("hex: is followed by two hexadecimal digits for each byte");
    }
    prefix = absl::HexStringToBytes(ToAbsl(digits));
  } else {
    return Bad("a prefix begins with text: or hex:");
  }
  if (prefix.size() > kRulePrefixBytesMax) {
    return Bad("a prefix has 1024 bytes at most");
  }
  return prefix;
}

absl::StatusOr<uint8_t> ParseVerbs(std::string_view word) {
  uint8_t verbs = 0;
  for (const absl::string_view name : absl::StrSplit(ToAbsl(word), ',')) {
    const auto* const found = std::find_if(
        std::begin(kVerbs), std::end(kVerbs),
        [&](const auto& verb) { return verb.first == ToStd(name); });
    if (found == std::end(kVerbs)) {
      return Bad("the verbs are read, write, scan and admin, with commas");
    }
    verbs |= Bit(found->second);
  }
  return verbs;
}

}  // namespace

absl::StatusOr<AccessRules> AccessRules::Read(const std::string& file) {
  AccessRules rules;
  absl::Status status = ReadLines(
      file, [&rules](const auto words) { return rules.AddLine(words); });
  if (!status.ok()) return status;
  if (rules.rules_.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ": there is no rule in it"));
  }
  return rules;
}

absl::Status AccessRules::AddLine(std::span<const std::string_view> words) {
  if (words.size() != 3) {
    return Bad("a line is a principal, a prefix and verbs");
  }
  if (absl::Status s = CheckPrincipal(words[0]); !s.ok()) return s;
  absl::StatusOr<std::string> prefix = ParsePrefix(words[1]);
  if (!prefix.ok()) return prefix.status();
  const absl::StatusOr<uint8_t> verbs = ParseVerbs(words[2]);
  if (!verbs.ok()) return verbs.status();
  if ((*verbs & Bit(Verb::kAdmin)) != 0 && !prefix->empty()) {
    return Bad("admin is of no key: its prefix is text:");
  }
  std::vector<Rule>& rules = rules_[ToAbsl(words[0])];
  if (rules.size() == kRulesPerPrincipalMax) {
    return Bad("a principal has 256 lines at most");
  }
  rules.push_back({*std::move(prefix), *verbs});
  return absl::OkStatus();
}

PrincipalRules AccessRules::Of(std::string_view principal) const {
  const auto it = rules_.find(ToAbsl(principal));
  return PrincipalRules(it == rules_.end() ? std::span<const Rule>()
                                           : std::span<const Rule>(it->second));
}

bool PrincipalRules::Allows(Verb verb, std::string_view key) const {
  return std::any_of(rules_.begin(), rules_.end(), [&](const Rule& rule) {
    return (rule.verbs & Bit(verb)) != 0 && key.starts_with(rule.prefix);
  });
}

bool PrincipalRules::AllowsSome(Verb verb) const {
  return std::any_of(rules_.begin(), rules_.end(), [&](const Rule& rule) {
    return (rule.verbs & Bit(verb)) != 0;
  });
}

}  // namespace latchkey
