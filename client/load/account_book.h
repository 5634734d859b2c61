// AccountBook is what a `transfer` run knows about its accounts beside the
// server: what each held at the start and what acknowledged transfers have
// moved since, so that a lost, doubled or halved transfer shows.
//
// Thread safety: Moved(), MaybeMoved() and floors() may be called from any
// thread.  Check*() may be, too, but CheckBalances() judges what it finds only
// after every transfer has ended.
//
// Memory order: the sums are read after the threads that added to them were
// joined, so relaxed additions are enough.

#ifndef LATCHKEY_CLIENT_LOAD_ACCOUNT_BOOK_H_
#define LATCHKEY_CLIENT_LOAD_ACCOUNT_BOOK_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "client/load/key_chooser.h"
#include "client/load/tally.h"
#include "client/load/version_floors.h"
#include "latchkey/v1/cache.pb.h"

namespace latchkey::load {

// An account as the server shows it.
struct AccountState {
  int64_t balance = 0;
  uint64_t version = 0;

  bool operator==(const AccountState&) const = default;
};

class AccountBook {
 public:
  // REQUIRES: accounts * initial_balance < 2^63.
  AccountBook(const KeyNames& names, size_t accounts, int64_t initial_balance);

  size_t size() const { return moved_.size(); }
  int64_t initial_balance() const { return initial_balance_; }
  int64_t total() const;
  const KeyNames& names() const { return names_; }
  VersionFloors& floors() { return floors_; }

  // A transfer was acknowledged.
  void Moved(uint64_t source, uint64_t destination, int64_t amount);

  // A transfer ended with no word on whether it took effect.  From now on only
  // the total can be checked, not each balance.
  void MaybeMoved() { unknown_.fetch_add(1, std::memory_order_relaxed); }
  uint64_t unknown() const { return unknown_.load(std::memory_order_relaxed); }

  // The account that an answer shows, which must not be older than `floor`.
  // Counts what is wrong with it; nothing then.
  std::optional<AccountState> CheckAccount(uint64_t account, uint64_t floor,
                                           const v1::GetResponse& answer,
                                           Tally& tally);

  // Counts a failure where `total` is not what it was at the start.
  void CheckTotal(int64_t total, std::string_view where, Tally& tally) const;

  // Counts a failure for each account whose balance is not what the
  // acknowledged transfers make it.
  void CheckBalances(const std::vector<AccountState>& accounts,
                     Tally& tally) const;

 private:
  const KeyNames& names_;
  const int64_t initial_balance_;
  VersionFloors floors_;
  std::vector<std::atomic<int64_t>> moved_;
  std::atomic<uint64_t> unknown_ = 0;
};

// The number that a counter's value spells, or nothing.
std::optional<int64_t> ParseCounter(std::string_view value);

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_ACCOUNT_BOOK_H_
