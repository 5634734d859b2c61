// PrincipalAccount is what one principal uses of what a server limits: how fast
// its operations come, and how much of other things it has.
//
// Operations are a token bucket of one second's worth, as the generic cell rate
// algorithm has it: one number, the time at which the bucket will be full.  A
// request of more operations than the bucket holds needs a full one, and leaves
// it in debt, so that each request goes at some time, and the rate holds.
//
// Thread safety: all methods may be called from any thread; none takes a lock.
//
// Example:
//   const Nanos wait = account.TakeOperations(keys.size(), clock.Now());
//   if (wait > 0) return Refuse(wait);
//   if (!account.live_calls().Take(1)) {
//     return account.OverLimitError(kLiveCallsLimit);
//   }

#ifndef LATCHKEY_SERVER_ACCESS_PRINCIPAL_ACCOUNT_H_
#define LATCHKEY_SERVER_ACCESS_PRINCIPAL_ACCOUNT_H_

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "server/base/clock.h"

namespace latchkey {

// Of one principal; 0: there is no such limit.
struct PrincipalLimits {
  int64_t operations_per_second = 0;
  int64_t live_calls = 0;
  int64_t connections = 0;
  int64_t ledger_records = 0;
  int64_t bytes = 0;
};

// How they are called in the operator's file, in errors and in metrics.
inline constexpr std::string_view kOperationsLimit = "operations-per-second";
inline constexpr std::string_view kLiveCallsLimit = "live-calls";
inline constexpr std::string_view kConnectionsLimit = "connections";
inline constexpr std::string_view kLedgerRecordsLimit = "ledger-records";
inline constexpr std::string_view kBytesLimit = "bytes";

// The number of no account.
inline constexpr uint32_t kNoAccount = 0;

// The highest limit.  A rate is held to the nanosecond for each request, so
// that this one is to a hundredth.  Bytes may be a million times as many.
inline constexpr int64_t kPrincipalLimitMax = 10'000'000;
inline constexpr int64_t kPrincipalBytesHeldMax =
    1'000'000 * kPrincipalLimitMax;

// How much of one thing a principal has.  The count is exact, and over the
// limit only where that was lowered.
//
// Each word agrees with nothing else, so relaxed is enough.  The count never
// falls below what is had: who gives a thing back has seen it taken, since one
// thread or one lock orders the two.
class CountedLimit {
 public:
  // 0: there is none.
  void set_max(int64_t max) { max_.store(max, std::memory_order_relaxed); }
  bool is_set() const { return max_.load(std::memory_order_relaxed) != 0; }

  // Takes `count`.  False: that is more than is left, and nothing is taken.
  //
  // REQUIRES: count > 0.
  bool Take(int64_t count) {
    const int64_t max = max_.load(std::memory_order_relaxed);
    int64_t used = used_.load(std::memory_order_relaxed);
    do {
      if (max != 0 && used > max - count) {
        refused_.fetch_add(1, std::memory_order_relaxed);
        return false;
      }
    } while (!used_.compare_exchange_weak(used, used + count,
                                          std::memory_order_relaxed));
    return true;
  }
  void Give(int64_t count) {
    used_.fetch_sub(count, std::memory_order_relaxed);
  }

  int64_t used() const { return used_.load(std::memory_order_relaxed); }

  // How often Take() has refused.
  uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> max_ = 0;
  std::atomic<int64_t> used_ = 0;
  std::atomic<uint64_t> refused_ = 0;
};

class PrincipalAccount {
 public:
  // `number` is the account's in its AccountTable, not kNoAccount.
  PrincipalAccount(uint32_t number, std::string name)
      : number_(number), name_(std::move(name)) {}

  PrincipalAccount(const PrincipalAccount&) = delete;
  PrincipalAccount& operator=(const PrincipalAccount&) = delete;

  uint32_t number() const { return number_; }

  void set_limits(const PrincipalLimits& limits) {
    operations_per_second_.store(limits.operations_per_second,
                                 std::memory_order_relaxed);
    live_calls_.set_max(limits.live_calls);
    connections_.set_max(limits.connections);
    ledger_records_.set_max(limits.ledger_records);
    bytes_.set_max(limits.bytes);
  }

  // Calls that are not over.
  CountedLimit& live_calls() { return live_calls_; }
  const CountedLimit& live_calls() const { return live_calls_; }

  // Connections that had a call of the principal's.
  CountedLimit& connections() { return connections_; }
  const CountedLimit& connections() const { return connections_; }

  // Records of its keyed writes that the ledger holds.
  CountedLimit& ledger_records() { return ledger_records_; }
  const CountedLimit& ledger_records() const { return ledger_records_; }

  // Entries of the store that it wrote last, since there is a limit for them.
  CountedLimit& bytes() { return bytes_; }
  const CountedLimit& bytes() const { return bytes_; }

  // RESOURCE_EXHAUSTED, PRINCIPAL_LIMIT: the principal is over the limit of
  // this name.
  absl::Status OverLimitError(std::string_view limit) const;

  // Whether TakeOperations() may refuse.
  bool limits_operations() const {
    return operations_per_second_.load(std::memory_order_relaxed) != 0;
  }

  // Takes `count` operations and returns 0; or takes none, and returns when
  // they may be asked for again.  REQUIRES: 0 < count < 1'000'000.
  Nanos TakeOperations(int64_t count, UnixNanos now) {
    const int64_t rate = operations_per_second_.load(std::memory_order_relaxed);
    if (rate == 0) return 0;
    const Nanos cost = (count * kNanosPerSecond + rate - 1) / rate;
    UnixNanos full_at = full_at_.load(std::memory_order_relaxed);
    while (true) {
      const UnixNanos from = std::max(full_at, now);
      const Nanos wait =
          from + std::min(cost, kNanosPerSecond) - now - kNanosPerSecond;
      if (wait > 0) {
        operations_refused_.fetch_add(1, std::memory_order_relaxed);
        return wait;
      }
      if (full_at_.compare_exchange_weak(full_at, from + cost,
                                         std::memory_order_relaxed)) {
        return 0;
      }
    }
  }

  // How often it has refused.
  uint64_t operations_refused() const {
    return operations_refused_.load(std::memory_order_relaxed);
  }

 private:
  // Constant after construction.
  const uint32_t number_;
  const std::string name_;

  // Each is a number of its own that nothing else has to agree with: relaxed is
  // enough for all.
  std::atomic<int64_t> operations_per_second_ = 0;
  std::atomic<UnixNanos> full_at_ = 0;
  std::atomic<uint64_t> operations_refused_ = 0;
  CountedLimit live_calls_;
  CountedLimit connections_;
  CountedLimit ledger_records_;
  CountedLimit bytes_;
};

// The number of `account`, which is null for none.
inline uint32_t NumberOf(const PrincipalAccount* account) {
  return account == nullptr ? kNoAccount : account->number();
}

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_ACCESS_PRINCIPAL_ACCOUNT_H_
