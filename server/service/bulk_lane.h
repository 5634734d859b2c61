// What the service runs in the bulk lane, and how it gets there.
//
// A request whose work is bounded runs to completion on the thread that read
// it; a larger one waits for a thread of the lane, so that it never delays what
// that thread reads next.
//
// Thread safety: free functions, no shared state.

#ifndef LATCHKEY_SERVER_SERVICE_BULK_LANE_H_
#define LATCHKEY_SERVER_SERVICE_BULK_LANE_H_

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "server/rpc/call.h"
#include "server/runtime/worker_pool.h"

namespace latchkey {

// What the thread of a connection does at most, in operations and in bytes of
// the request: some tens of microseconds.  A read of so many keys costs less
// than to hand it to another thread and back would add to it.
inline constexpr size_t kPointReadsMax = 128;
inline constexpr size_t kPointWritesMax = 64;
inline constexpr size_t kPointBytesMax = 64 * 1024;

// The numbers of a request's repeated fields whose elements are its operations;
// empty for a request of one operation, which is always bounded.
using OperationLists = std::initializer_list<int>;

// Whether the serialized request has more than `operations_max` operations in
// its lists, or is too large otherwise, for any thread but one of the bulk
// lane.
bool IsForBulkLane(std::string_view bytes, std::span<const int> lists,
                   size_t operations_max);

// Queues `task`; see WorkerPool.
absl::Status SubmitToLane(WorkerPool& lane, const Call& call,
                          WorkerPool::Task task);

// Whether `error` has the reason OVERLOADED.
bool IsOverloaded(const absl::Status& error);

// Where `error` is the lane's refusal, tells the client when to come again.
void AddPushback(WorkerPool& lane, const absl::Status& error, Call& call);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SERVICE_BULK_LANE_H_
