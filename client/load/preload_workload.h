// PreloadWorkload writes every key of a run once, in batches, so that the run
// finds what it reads.
//
// Thread safety: an instance belongs to one thread.  The threads of a run share
// a BatchCursor, which is safe by itself.

#ifndef LATCHKEY_CLIENT_LOAD_PRELOAD_WORKLOAD_H_
#define LATCHKEY_CLIENT_LOAD_PRELOAD_WORKLOAD_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "client/load/batch_cursor.h"
#include "client/load/version_floors.h"
#include "client/load/workload.h"
#include "latchkey/v1/cache.pb.h"

namespace latchkey::load {

class PreloadWorkload final : public Workload {
 public:
  // Overwrites a request with the write of a key.
  using MakePut = std::function<void(uint64_t key_index, v1::PutRequest*)>;

  PreloadWorkload(BatchCursor& cursor, MakePut make_put, VersionFloors& floors,
                  size_t slots);

  std::optional<Call> Begin(size_t slot) override;
  Step Continue(size_t slot, const Completion& completion,
                Tally& tally) override;

 private:
  BatchCursor& cursor_;
  const MakePut make_put_;
  VersionFloors& floors_;
  std::vector<KeyRange> ranges_;
  v1::BatchPutRequest request_;
  v1::BatchPutResponse response_;
};

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_PRELOAD_WORKLOAD_H_
