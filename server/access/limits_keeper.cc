#include "server/access/limits_keeper.h"

#include <span>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/access/lines.h"
#include "server/base/string_view.h"

namespace latchkey {
namespace {

constexpr std::string_view kOthers = "*";

constexpr std::pair<std::string_view, int64_t PrincipalLimits::*> kLimits[] = {
    {"operations-per-second", &PrincipalLimits::operations_per_second},
    {"live-calls", &PrincipalLimits::live_calls}};

absl::Status Bad(std::string_view problem) {
  return absl::InvalidArgumentError(ToAbsl(problem));
}

absl::Status AddLimit(std::string_view word, PrincipalLimits& limits) {
  const size_t equals = word.find('=');
  for (const auto& [name, field] : kLimits) {
    if (word.substr(0, equals) != name) continue;
    int64_t value = 0;
    if (equals == std::string_view::npos ||
        !absl::SimpleAtoi(ToAbsl(word.substr(equals + 1)), &value) ||
        value < 1 || value > kPrincipalLimitMax) {
      return Bad("a limit is a number from 1 to 10000000, after a =");
    }
    if (limits.*field != 0) return Bad("a limit stands in a line once");
    limits.*field = value;
    return absl::OkStatus();
  }
  return Bad("the limits are operations-per-second= and live-calls=");
}

}  // namespace

absl::StatusOr<std::unique_ptr<LimitsKeeper>> LimitsKeeper::Open(
    std::string file) {
  std::unique_ptr<LimitsKeeper> keeper(new LimitsKeeper(std::move(file)));
  if (absl::Status s = keeper->Reload(); !s.ok()) return s;
  return keeper;
}

PrincipalAccount* LimitsKeeper::AccountOf(std::string_view principal) {
  MutexLock lock(mutex_);
  const auto it = accounts_.find(ToAbsl(principal));
  if (it != accounts_.end()) return &it->second;
  if (accounts_.size() >= kAccountsMax) return &others_;
  PrincipalAccount& account = accounts_[ToAbsl(principal)];
  account.set_limits(LimitsOfLocked(principal));
  return &account;
}

absl::Status LimitsKeeper::Reload() {
  Lines lines;
  absl::Status status =
      ReadLines(file_, [&lines](std::span<const std::string_view> words) {
        if (words.size() < 2) return Bad("a line is a principal and limits");
        if (absl::Status s = CheckPrincipal(words[0]); !s.ok()) return s;
        PrincipalLimits limits;
        for (const std::string_view word : words.subspan(1)) {
          if (absl::Status s = AddLimit(word, limits); !s.ok()) return s;
        }
        if (!lines.emplace(words[0], limits).second) {
          return Bad("the principal has a line above");
        }
        return absl::OkStatus();
      });
  if (status.ok() && lines.empty()) {
    status = Bad(file_ + ": there is no limit in it");
  }
  if (!status.ok()) return status;
  MutexLock lock(mutex_);
  lines_.swap(lines);
  for (auto& [principal, account] : accounts_) {
    account.set_limits(LimitsOfLocked(principal));
  }
  others_.set_limits(LimitsOfLocked(kOthers));
  return absl::OkStatus();
}

PrincipalLimits LimitsKeeper::LimitsOfLocked(std::string_view principal) const {
  auto it = lines_.find(ToAbsl(principal));
  if (it == lines_.end()) it = lines_.find(ToAbsl(kOthers));
  return it == lines_.end() ? PrincipalLimits() : it->second;
}

LimitsKeeper::Refusals LimitsKeeper::refusals() const {
  MutexLock lock(mutex_);
  Refusals sum = {.operations = others_.operations_refused(),
                  .calls = others_.calls_refused()};
  for (const auto& [principal, account] : accounts_) {
    sum.operations += account.operations_refused();
    sum.calls += account.calls_refused();
  }
  return sum;
}

}  // namespace latchkey
