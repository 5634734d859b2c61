// StampKeeper holds the newest stamp of the server: a word by which the server
// tells the age of a keyed write, and from which of its lives it comes, without
// trusting anyone's clock (metadata `latchkey-stamp`).
//
// Every keyed write carries the stamp that was held before its first copy was
// sent, the same on all its copies.  So that the stamp leaves most of the
// ledger's window for them, one that is older than a quarter of it is stale: it
// is replaced before the write is sent.  Age counts from when the stamp was
// received, by the client's own monotonic clock.
//
// Thread safety: all methods may be called from any thread.

#ifndef LATCHKEY_CLIENT_LIB_STAMP_KEEPER_H_
#define LATCHKEY_CLIENT_LIB_STAMP_KEEPER_H_

#include <optional>
#include <string>
#include <utility>

#include "client/lib/clock.h"
#include "client/lib/mutex.h"

namespace latchkey::client {

class StampKeeper {
 public:
  // `window`: not more than the server's.
  explicit StampKeeper(Duration window) : age_max_(window / 4) {}

  // Whether a keyed write needs a new stamp first.
  bool Stale(TimePoint now) const {
    MutexLock lock(mutex_);
    return !received_.has_value() || now - *received_ > age_max_;
  }

  // An answer brought `stamp`.  Empty: the server was asked and has none, as
  // one without a ledger; it is asked again when a stamp would be.
  void Learn(std::string stamp, TimePoint now) {
    MutexLock lock(mutex_);
    stamp_ = std::move(stamp);
    received_ = now;
  }

  // The connection broke: who answers next may be another life of the server,
  // which refuses the stamps of the one before.  The stamp stays, as it is
  // better than none, but counts as stale.
  void Doubt() {
    MutexLock lock(mutex_);
    received_.reset();
  }

  // The stamp to send; empty where there is none.
  std::string Get() const {
    MutexLock lock(mutex_);
    return stamp_;
  }

 private:
  // Constant after construction.
  const Duration age_max_;

  mutable Mutex mutex_;
  std::string stamp_ ABSL_GUARDED_BY(mutex_);
  // When `stamp_` came; none: never, or it is in doubt.
  std::optional<TimePoint> received_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace latchkey::client

#endif  // LATCHKEY_CLIENT_LIB_STAMP_KEEPER_H_
