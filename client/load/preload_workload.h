// PreloadWorkload writes every key of a run once, in batches, so that the run
// finds what it reads.  A batch that the server sheds is sent again a little
// later, up to kShedTriesMax times.
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

// Half a minute: a server that sheds everything for so long is overloaded by
// others.
inline constexpr Nanos kShedRest = 100 * kNanosPerMilli;
inline constexpr int kShedTriesMax = 300;

class PreloadWorkload final : public Workload {
 public:
  // Overwrites a request with the write of a key.
  using MakePut = std::function<void(uint64_t key_index, v1::PutRequest*)>;

  PreloadWorkload(BatchCursor& cursor, MakePut make_put, VersionFloors& floors,
                  size_t slots);

  std::optional<Call> Begin(size_t slot) override;
  Step Continue(size_t slot, const Completion& completion,
                Tally& tally) override;
  Call Resume(size_t slot) override;

 private:
  struct Slot {
    KeyRange range;
    int shed = 0;
  };

  BatchCursor& cursor_;
  const MakePut make_put_;
  VersionFloors& floors_;
  std::vector<Slot> slots_;
  v1::BatchPutRequest request_;
  v1::BatchPutResponse response_;
};

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_PRELOAD_WORKLOAD_H_
