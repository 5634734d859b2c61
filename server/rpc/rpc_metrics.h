// RpcMetrics counts every RPC, of whatever transport, when it is finished: by
// method and code, with its time in the server and the bytes of its messages,
// and each error by its reason.
//
// A call is counted by Call itself, under the MethodMetrics that MethodTable
// gave it; a path that no service added is counted as UNKNOWN.
//
// Thread safety: methods are added by one thread; then all else may be called
// from any thread.

#ifndef LATCHKEY_SERVER_RPC_RPC_METRICS_H_
#define LATCHKEY_SERVER_RPC_RPC_METRICS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/clock.h"
#include "server/base/error.h"
#include "server/metrics/duration_buckets.h"
#include "server/metrics/metrics_text.h"
#include "server/metrics/thread_cells.h"
#include "server/rpc/admission_metrics.h"

namespace latchkey {

// How a call ended.
struct CallEnd {
  // Of gRPC, 0 (OK) to 16.
  int code = 0;
  ErrorReason reason = ErrorReason::kUnspecified;
  // From its arrival to its answer.
  Nanos duration = 0;
  // Serialized messages, without framing.  Those of a stream's client are not
  // counted.
  size_t request_bytes = 0;
  size_t reply_bytes = 0;
};

// What one method's calls came to.
class MethodMetrics {
 public:
  static constexpr size_t kCodes = 17;

  // `path` is "/package.Service/Method".  `reasons` has a cell for each
  // ErrorReason and must outlive this.
  MethodMetrics(std::string_view path, bool stream, ThreadCells& reasons);

  void CountEnd(const CallEnd& end);

  // One message of a stream.
  void CountSent(size_t bytes) {
    cells_.OfThisThread().Add(kReplyBytes, bytes);
  }

  // "package.Service" and "Method".
  const std::string& service() const { return service_; }
  const std::string& name() const { return name_; }
  bool stream() const { return stream_; }

  uint64_t calls() const;
  uint64_t calls(int code) const {
    return cells_.Sum(static_cast<size_t>(code));
  }
  std::array<uint64_t, kDurationBuckets> durations() const;
  Nanos duration_sum() const {
    return static_cast<Nanos>(cells_.Sum(kDurationSum));
  }
  uint64_t request_bytes() const { return cells_.Sum(kRequestBytes); }
  uint64_t reply_bytes() const { return cells_.Sum(kReplyBytes); }

 private:
  // The cells: first one for each code; those of every call stand together.
  static constexpr size_t kDurationSum = kCodes;
  static constexpr size_t kRequestBytes = kDurationSum + 1;
  static constexpr size_t kReplyBytes = kRequestBytes + 1;
  static constexpr size_t kDurations = kReplyBytes + 1;
  static constexpr size_t kCells = kDurations + kDurationBuckets;

  const std::string service_;
  const std::string name_;
  const bool stream_;
  ThreadCells& reasons_;
  ThreadCells cells_{kCells};
};

class RpcMetrics {
 public:
  RpcMetrics();

  RpcMetrics(const RpcMetrics&) = delete;
  RpcMetrics& operator=(const RpcMetrics&) = delete;

  // Counters for the method `path`; they live as long as this.
  MethodMetrics& Add(std::string_view path, bool stream);

  // The counters of all paths that were not added.
  MethodMetrics& unknown() const { return *methods_.front(); }

  // Where transports count what they do not run.
  AdmissionMetrics& admission() const { return *admission_; }

  // How many calls failed for `reason`.
  uint64_t errors(ErrorReason reason) const {
    return reasons_->Sum(static_cast<size_t>(reason));
  }

  // Writes all of it.
  void Collect(MetricsText& text) const;

 private:
  void CollectMethods(MetricsText& text) const;
  void CollectErrors(MetricsText& text) const;

  std::unique_ptr<ThreadCells> reasons_;
  std::unique_ptr<AdmissionMetrics> admission_;
  // The unknown one first.
  std::vector<std::unique_ptr<MethodMetrics>> methods_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_RPC_METRICS_H_
