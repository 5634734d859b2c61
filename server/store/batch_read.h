// BatchRead is a BatchGet of many keys in parts, which may be read on several
// threads at once.  Each key is read at some moment during the read.
//
// The keys are put in the order of their shards first, so that a shard is
// locked once for several keys; the results are in the order of the request.
//
// Thread safety: after Plan(), ReadPart() of different parts may run at once.
// Who calls TakeResult() has seen them all end.
//
// Example:
//   absl::StatusOr<BatchRead> read = store.PlanBatchGet(keys, 2, token);
//   for (size_t i = 0; i < read->parts(); ++i) {
//     if (absl::Status s = read->ReadPart(i, token); !s.ok()) return s;
//   }
//   return read->TakeResult();

#ifndef LATCHKEY_SERVER_STORE_BATCH_READ_H_
#define LATCHKEY_SERVER_STORE_BATCH_READ_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/runtime/deadline.h"
#include "server/store/hashed_key.h"
#include "server/store/key_hasher.h"
#include "server/store/operations.h"

namespace latchkey {

class ShardTable;

class BatchRead {
 public:
  // How many keys a long read handles between two looks at its token, and under
  // one lock, at most.
  static constexpr size_t kKeysPerCheck = 64;

  // A part has at least so many keys: less is not worth a second thread.
  static constexpr size_t kKeysPerPartMin = 512;

  // All must outlive the read.
  BatchRead(ShardTable& shards, const Clock& clock,
            std::span<const std::string_view> keys, size_t result_bytes_max);

  // Hashes and orders the keys, and divides them.  Once, before the rest.
  //
  // REQUIRES: parts_max > 0.
  // Errors: the token's end.
  absl::Status Plan(const KeyHasher& hasher, size_t parts_max,
                    DeadlineToken token);

  size_t parts() const { return (keys_.size() + part_size_ - 1) / part_size_; }

  // Reads one part.  REQUIRES: part < parts().
  //
  // Errors: the token's end.
  absl::Status ReadPart(size_t part, DeadlineToken token);

  // What was read.  At most once.
  //
  // Errors: RESPONSE_TOO_LARGE.
  absl::StatusOr<BatchGetResult> TakeResult();

 private:
  // Sets `now` to the time at which it looked.
  absl::Status CheckToken(DeadlineToken token, UnixNanos* now) const;

  ShardTable* shards_;
  const Clock* clock_;
  std::span<const std::string_view> keys_;
  size_t result_bytes_max_;
  size_t part_size_ = 1;

  // By the key's place in the request; the parts write different places of it.
  std::vector<uint64_t> hashes_;
  BatchGetResult result_;
  // Places in the request, by shard.
  std::vector<uint32_t> order_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_BATCH_READ_H_
