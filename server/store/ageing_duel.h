// AgeingDuel says how long the shards of a store should remember how often keys
// were used: long where popularity stays as it is, shortly where it changes.
// Nothing else tells the two apart, so some shards keep to one length each, and
// all others follow those that miss less (set dueling: Qureshi, Jaleel, Patt,
// Steely, Emer: "Adaptive insertion policies for high performance caching",
// ISCA 2007).  Who keeps to the wrong length misses more often, so that few do
// once the result is sure, and more where it is close.
//
// Keys come to shards by their hash, so that the two groups get alike requests.
//
// Thread safety: the methods may be called from any thread.  The balance agrees
// with nothing else, so it is relaxed.

#ifndef LATCHKEY_SERVER_STORE_AGEING_DUEL_H_
#define LATCHKEY_SERVER_STORE_AGEING_DUEL_H_

#include <atomic>
#include <cstdint>
#include <cstdlib>

#include "server/store/hashed_key.h"

namespace latchkey {

class AgeingDuel {
 public:
  enum class Role : uint8_t {
    kFollows,
    kRemembersShortly,
    kRemembersLong,
    // These follow, too, while the result is sure.
    kTriesShortly,
    kTriesLong,
  };

  AgeingDuel() = default;

  AgeingDuel(const AgeingDuel&) = delete;
  AgeingDuel& operator=(const AgeingDuel&) = delete;

  // One in eight for each length: enough keys to tell; of them one in four that
  // never follows.
  static constexpr Role RoleOf(ShardIndex index) {
    const bool never_follows = index / 8 % 4 == 0;
    switch (index % 8) {
      case 2:
        return never_follows ? Role::kRemembersShortly : Role::kTriesShortly;
      case 5:
        return never_follows ? Role::kRemembersLong : Role::kTriesLong;
      default:
        return Role::kFollows;
    }
  }

  // A shard got a key that it did not have.
  void CountMiss(Role role) {
    if (Follows(role)) return;
    const int step = IsLong(role) ? -kStepLong : kStepShort;
    // Threads may pass the end of the scale by a step each.
    if (std::abs(balance_.load(std::memory_order_relaxed) + step) <
        kBalanceMax) {
      balance_.fetch_add(step, std::memory_order_relaxed);
    }
  }

  // Whether a shard of `role` should remember long.
  bool RemembersLong(Role role) const {
    if (!Follows(role)) return IsLong(role);
    return balance_.load(std::memory_order_relaxed) >= 0;
  }

 private:
  static constexpr bool IsLong(Role role) {
    return role == Role::kRemembersLong || role == Role::kTriesLong;
  }

  bool Follows(Role role) const {
    switch (role) {
      case Role::kFollows:
        return true;
      case Role::kTriesShortly:
      case Role::kTriesLong:
        return std::abs(balance_.load(std::memory_order_relaxed)) >=
               kBalanceSure;
      default:
        return false;
    }
  }

  // To remember shortly has to be better by 3 %: the keys of one group may be
  // asked for a little more often than those of the other.
  static constexpr int kStepShort = 34;
  static constexpr int kStepLong = 33;

  // Over what chance makes of some ten thousand misses.
  static constexpr int kBalanceSure = 1'024 * kStepLong;
  static constexpr int kBalanceMax = 4 * kBalanceSure;

  // By how much more those have missed that remember shortly, in steps.
  std::atomic<int> balance_ = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_AGEING_DUEL_H_
