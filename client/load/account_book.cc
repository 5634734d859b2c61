#include "client/load/account_book.h"

#include <charconv>
#include <string>

namespace latchkey::load {

std::optional<int64_t> ParseCounter(std::string_view value) {
  int64_t number = 0;
  const char* end = value.data() + value.size();
  const auto [stop, error] = std::from_chars(value.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

AccountBook::AccountBook(const KeyNames& names, size_t accounts,
                         int64_t initial_balance)
    : names_(names),
      initial_balance_(initial_balance),
      floors_(accounts),
      moved_(accounts) {}

int64_t AccountBook::total() const {
  return static_cast<int64_t>(moved_.size()) * initial_balance_;
}

void AccountBook::Moved(uint64_t source, uint64_t destination, int64_t amount) {
  moved_[source].fetch_sub(amount, std::memory_order_relaxed);
  moved_[destination].fetch_add(amount, std::memory_order_relaxed);
}

std::optional<AccountState> AccountBook::CheckAccount(
    uint64_t account, uint64_t floor, const v1::GetResponse& answer,
    Tally& tally) {
  const std::string key = names_.Name(account);
  if (!answer.has_entry()) {
    ++tally.misses;
    tally.CountFailure("missing account", key);
    return std::nullopt;
  }
  ++tally.values_verified;
  const v1::Entry& entry = answer.entry();
  if (entry.key() != key) {
    tally.CountFailure("entry of another key", key);
    return std::nullopt;
  }
  const std::optional<int64_t> balance = ParseCounter(entry.value());
  if (!balance || *balance < 0) {
    tally.CountFailure("balance that is no number from 0", key);
    return std::nullopt;
  }
  if (entry.version() < floor) {
    tally.CountFailure("lost transfer", key + ": version " +
                                            std::to_string(entry.version()) +
                                            " after " + std::to_string(floor));
    return std::nullopt;
  }
  floors_.Raise(account, entry.version());
  return AccountState{*balance, entry.version()};
}

void AccountBook::CheckTotal(int64_t sum, std::string_view where,
                             Tally& tally) const {
  if (sum == total()) return;
  tally.CountFailure("wrong total", std::string(where) + ": " +
                                        std::to_string(sum) + " instead of " +
                                        std::to_string(total()));
}

void AccountBook::CheckBalances(const std::vector<AccountState>& accounts,
                                Tally& tally) const {
  if (unknown() > 0) return;
  for (size_t i = 0; i < accounts.size(); ++i) {
    const int64_t expected =
        initial_balance_ + moved_[i].load(std::memory_order_relaxed);
    if (accounts[i].balance == expected) continue;
    tally.CountFailure("wrong balance",
                       names_.Name(i) + ": " +
                           std::to_string(accounts[i].balance) +
                           " instead of " + std::to_string(expected));
  }
}

}  // namespace latchkey::load
