#include "server/service/access_check.h"

#include <algorithm>
#include <variant>

#include "server/base/error.h"

namespace latchkey {
namespace {

// The keys that an operation reads for its caller, and those that it writes.
struct Needs {
  std::string_view reads[1] = {};
  std::string_view writes[2] = {};
};

Needs NeedsOf(const GetOperation& get) {
  return {{get.key}, {get.touch.has_value() ? get.key : std::string_view()}};
}
Needs NeedsOf(const PutOperation& put) {
  return {{put.return_previous ? put.key : std::string_view()}, {put.key}};
}
Needs NeedsOf(const DeleteOperation& del) {
  return {{del.return_previous ? del.key : std::string_view()}, {del.key}};
}
Needs NeedsOf(const IncrementOperation& increment) {
  return {{}, {increment.key}};
}
Needs NeedsOf(const TouchOperation& touch) { return {{}, {touch.key}}; }
Needs NeedsOf(const MoveOperation& move) {
  return {{move.source_key}, {move.source_key, move.destination_key}};
}
Needs NeedsOf(const TransferOperation& transfer) {
  return {{}, {transfer.source_key, transfer.destination_key}};
}

// Whether a principal of these rules may do the operation.
bool Allows(const PrincipalRules& rules, const Operation& operation) {
  const Needs needs = std::visit(
      [](const auto& alternative) { return NeedsOf(alternative); }, operation);
  // No key is empty: that is where there is none.
  const auto allows = [&](Verb verb) {
    return [&rules, verb](std::string_view key) {
      return key.empty() || rules.Allows(verb, key);
    };
  };
  return std::ranges::all_of(needs.reads, allows(Verb::kRead)) &&
         std::ranges::all_of(needs.writes, allows(Verb::kWrite));
}

}  // namespace

absl::Status AccessCheck::Denied() {
  return MakeError(absl::StatusCode::kPermissionDenied,
                   ErrorReason::kUnspecified,
                   "the access rules do not allow it");
}

absl::Status AccessCheck::Check(const Call& call, Verb verb,
                                std::span<const std::string_view> keys) const {
  if (rules_ == nullptr) return absl::OkStatus();
  const PrincipalRules rules = rules_->rules().Of(call.principal());
  if (keys.empty() && !rules.AllowsSome(verb)) {
    return Denied();
  }
  for (const std::string_view key : keys) {
    if (!rules.Allows(verb, key)) return Denied();
  }
  return absl::OkStatus();
}

absl::Status AccessCheck::Check(const Call& call,
                                const Transaction& transaction) const {
  if (rules_ == nullptr) return absl::OkStatus();
  if (transaction.compares.empty() && transaction.on_success.empty() &&
      transaction.on_failure.empty()) {
    return CheckMayWrite(call);
  }
  const PrincipalRules rules = rules_->rules().Of(call.principal());
  for (const Compare& compare : transaction.compares) {
    if (!rules.Allows(Verb::kRead, compare.key)) {
      return Denied();
    }
  }
  for (const auto operations :
       {transaction.on_success, transaction.on_failure}) {
    for (const Operation& operation : operations) {
      if (!Allows(rules, operation)) return Denied();
    }
  }
  return absl::OkStatus();
}

absl::Status AccessCheck::CheckMayWrite(const Call& call) const {
  return rules_ == nullptr ||
                 rules_->rules().AllowsSome(call.principal(), Verb::kWrite)
             ? absl::OkStatus()
             : Denied();
}

}  // namespace latchkey
