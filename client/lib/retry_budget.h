// RetryBudget keeps retries from becoming the load: when most calls fail, no
// more copies are sent.
//
// It is gRPC's retryThrottling (gRFC A6) with maxTokens 10 and tokenRatio 0.1:
// it begins with 10 tokens; a copy that failed (UNAVAILABLE) costs 1, one that
// was answered well returns 0.1; other answers leave it alone; a retry is
// allowed while more than 5 are left.
//
// A hedge is allowed while more than 5 are left too, and costs 1 when it is
// sent, not only when it fails: otherwise a server that is slow, but fails
// nothing, would get every call twice.  In the long run hedges therefore add
// at most a tenth to the load.
//
// Thread safety: all methods may be called from any thread.  One budget serves
// all calls of a Client.

#ifndef LATCHKEY_CLIENT_LIB_RETRY_BUDGET_H_
#define LATCHKEY_CLIENT_LIB_RETRY_BUDGET_H_

#include <algorithm>

#include "client/lib/mutex.h"

namespace latchkey::client {

class RetryBudget {
 public:
  void OnSuccess() {
    MutexLock lock(mutex_);
    tenths_ = std::min(tenths_ + kSuccessTenths, kTenthsMax);
  }

  void OnFailure() {
    MutexLock lock(mutex_);
    tenths_ = std::max(tenths_ - kFailureTenths, 0);
  }

  bool AllowsRetry() const {
    MutexLock lock(mutex_);
    return tenths_ > kTenthsMax / 2;
  }

  // Whether a hedge may be sent; if so it is paid for.
  bool TakeHedge() {
    MutexLock lock(mutex_);
    if (tenths_ <= kTenthsMax / 2) return false;
    tenths_ -= kFailureTenths;
    return true;
  }

 private:
  static constexpr int kTenthsMax = 100;
  static constexpr int kFailureTenths = 10;
  static constexpr int kSuccessTenths = 1;

  mutable Mutex mutex_;
  int tenths_ ABSL_GUARDED_BY(mutex_) = kTenthsMax;
};

}  // namespace latchkey::client

#endif  // LATCHKEY_CLIENT_LIB_RETRY_BUDGET_H_
