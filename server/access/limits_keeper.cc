#include "server/access/limits_keeper.h"

#include <span>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/access/lines.h"
#include "server/base/string_view.h"

namespace latchkey {
namespace {

constexpr std::string_view kOthers = "*";

struct Limit {
  std::string_view name;
  int64_t PrincipalLimits::* field;
  int64_t max = kPrincipalLimitMax;
};
constexpr Limit kLimits[] = {
    {kOperationsLimit, &PrincipalLimits::operations_per_second},
    {kLiveCallsLimit, &PrincipalLimits::live_calls},
    {kConnectionsLimit, &PrincipalLimits::connections},
    {kLedgerRecordsLimit, &PrincipalLimits::ledger_records},
    {kBytesLimit, &PrincipalLimits::bytes, kPrincipalBytesHeldMax}};

absl::Status Bad(std::string_view problem) {
  return absl::InvalidArgumentError(ToAbsl(problem));
}

}  // namespace

LimitsKeeper::LimitsKeeper(std::string file, bool counts_connections)
    : file_(std::move(file)),
      counts_connections_(counts_connections),
      others_(kAccountNumberMax, std::string(kOthers)) {
  table_.Add(others_);
}

absl::Status LimitsKeeper::AddLimit(std::string_view word,
                                    PrincipalLimits& limits) const {
  const size_t equals = word.find('=');
  for (const auto& [name, field, max] : kLimits) {
    if (word.substr(0, equals) != name) continue;
    int64_t value = 0;
    if (equals == std::string_view::npos ||
        !absl::SimpleAtoi(ToAbsl(word.substr(equals + 1)), &value) ||
        value < 1 || value > max) {
      return Bad(absl::StrCat(ToAbsl(name), " is a number from 1 to ", max,
                              ", after a ="));
    }
    if (limits.*field != 0) return Bad("a limit stands in a line once");
    if (name == kConnectionsLimit && !counts_connections_) {
      return Bad(
          "connections= needs --transport=native: the gRPC library does not "
          "tell when a connection ends");
    }
    limits.*field = value;
    return absl::OkStatus();
  }
  std::string names;
  for (const Limit& limit : kLimits) {
    absl::StrAppend(&names, names.empty() ? "" : ", ", ToAbsl(limit.name), "=");
  }
  return Bad("the limits are " + names);
}

absl::StatusOr<std::unique_ptr<LimitsKeeper>> LimitsKeeper::Open(
    std::string file, bool counts_connections) {
  std::unique_ptr<LimitsKeeper> keeper(
      new LimitsKeeper(std::move(file), counts_connections));
  if (absl::Status s = keeper->Reload(); !s.ok()) return s;
  return keeper;
}

PrincipalAccount* LimitsKeeper::AccountOf(std::string_view principal) {
  MutexLock lock(mutex_);
  const auto it = accounts_.find(ToAbsl(principal));
  if (it != accounts_.end()) return &it->second;
  if (accounts_.size() >= kAccountsMax) return &others_;
  const auto number = static_cast<uint32_t>(accounts_.size() + 1);
  PrincipalAccount& account =
      accounts_.try_emplace(ToAbsl(principal), number, std::string(principal))
          .first->second;
  account.set_limits(LimitsOfLocked(principal));
  table_.Add(account);
  return &account;
}

absl::Status LimitsKeeper::Reload() {
  Lines lines;
  absl::Status status =
      ReadLines(file_, [this, &lines](std::span<const std::string_view> words) {
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
  Refusals sum;
  const auto add = [&sum](const PrincipalAccount& account) {
    sum.operations += account.operations_refused();
    sum.live_calls += account.live_calls().refused();
    sum.connections += account.connections().refused();
    sum.ledger_records += account.ledger_records().refused();
    sum.bytes += account.bytes().refused();
  };
  add(others_);
  for (const auto& [principal, account] : accounts_) add(account);
  return sum;
}

}  // namespace latchkey
