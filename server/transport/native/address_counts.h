// AddressCounts bounds how many connections one address has, over all threads.
//
// Thread safety: may be used from any thread.

#ifndef LATCHKEY_SERVER_TRANSPORT_NATIVE_ADDRESS_COUNTS_H_
#define LATCHKEY_SERVER_TRANSPORT_NATIVE_ADDRESS_COUNTS_H_

#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "server/base/mutex.h"
#include "server/transport/native/options.h"

namespace latchkey {

class AddressCounts {
 public:
  explicit AddressCounts(const NativeServerOptions& options)
      : max_(options.connections_per_address_max),
        default_max_(options.connections_max / 2) {}

  AddressCounts(const AddressCounts&) = delete;
  AddressCounts& operator=(const AddressCounts&) = delete;

  // Counts one connection more of `network` (Peer), unless it has as many as it
  // may.  Returns whether it was counted.
  bool Add(const std::string& network) ABSL_LOCKS_EXCLUDED(mutex_);

  // One that was counted has ended.
  void Remove(const std::string& network) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  int MaxOf(const std::string& network) const;

  // Constant after construction.
  const int max_;
  const int default_max_;

  Mutex mutex_;
  std::map<std::string, int> counts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_TRANSPORT_NATIVE_ADDRESS_COUNTS_H_
