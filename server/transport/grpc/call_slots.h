// CallSlots counts the calls of the gRPC transport that are not over, by
// connection and in all.  The library's own limit counts streams, which a
// client can reset while their handlers still run.
//
// Calls about the server itself have slots of their own.
//
// Thread safety: all methods may be called from any thread.

#ifndef LATCHKEY_SERVER_TRANSPORT_GRPC_CALL_SLOTS_H_
#define LATCHKEY_SERVER_TRANSPORT_GRPC_CALL_SLOTS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "server/base/mutex.h"
#include "server/transport/grpc/options.h"

namespace latchkey {

class CallSlots {
 public:
  // `options` must outlive this.
  explicit CallSlots(const GrpcServerOptions& options) : options_(options) {}

  CallSlots(const CallSlots&) = delete;
  CallSlots& operator=(const CallSlots&) = delete;

  // Counts a call of the connection `peer`; returns whether there was a slot
  // for it.  GiveBack() follows in either case.
  bool Take(std::string_view peer, bool about_server);
  void GiveBack(std::string_view peer, bool about_server);

 private:
  // Of one sort, or of both.
  struct Counts {
    int64_t work = 0;
    int64_t about_server = 0;

    int64_t& Of(bool is_about_server) {
      return is_about_server ? about_server : work;
    }
  };

  const GrpcServerOptions& options_;

  Mutex mutex_;
  Counts all_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, Counts> by_connection_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_TRANSPORT_GRPC_CALL_SLOTS_H_
