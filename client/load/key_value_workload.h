// KeyValueWorkload reads, writes and read-modify-writes the keys of a run, and
// checks each value that it reads.
//
// A read fails the verification where the entry is of another key, its value is
// not what was written (ValueCodec), its version is older than one that was
// acknowledged before the read began (VersionFloors), or where it is missing
// although entries have no ttl.
//
// A read-modify-write is a Get and a Put on the condition that the version is
// still the one that was read.  One that loses the race starts again with the
// Get, at most kConflictsMax times; then it has failed.
//
// Thread safety: an instance belongs to one thread.

#ifndef LATCHKEY_CLIENT_LOAD_KEY_VALUE_WORKLOAD_H_
#define LATCHKEY_CLIENT_LOAD_KEY_VALUE_WORKLOAD_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "client/load/key_chooser.h"
#include "client/load/mix.h"
#include "client/load/random.h"
#include "client/load/value_codec.h"
#include "client/load/version_floors.h"
#include "client/load/workload.h"
#include "latchkey/v1/cache.pb.h"

namespace latchkey::load {

// As many as one hot key loses to some thousands of calls in flight only by a
// fault.
inline constexpr int kConflictsMax = 1'000;

struct SizeRange {
  size_t min = 0;
  size_t max = 0;
};

// What the threads of a run have in common.  All of it outlives the workloads.
struct KeyValueShared {
  const Mix& mix;
  const KeyChooser& chooser;
  const KeyNames& names;
  const ValueCodec& codec;
  VersionFloors& floors;
  SizeRange value_bytes;
  // 0: entries do not expire.
  Nanos ttl = 0;
};

// What a Put of a run looks like, and the numbering of its writes.
class PutMaker {
 public:
  // `stream` tells the writers of a run apart: each has write numbers and sizes
  // of its own.
  PutMaker(const KeyValueShared& shared, uint64_t seed, uint32_t stream);

  // Overwrites `put` with a fresh, unconditional write of a key.
  void Make(uint64_t key_index, v1::PutRequest* put);

 private:
  const KeyValueShared& shared_;
  Random random_;
  const uint64_t stream_;
  uint64_t writes_ = 0;
};

class KeyValueWorkload final : public Workload {
 public:
  KeyValueWorkload(const KeyValueShared& shared, uint64_t seed, uint32_t stream,
                   size_t slots);

  std::optional<Call> Begin(size_t slot) override;
  Step Continue(size_t slot, const Completion& completion,
                Tally& tally) override;

 private:
  struct Slot {
    OperationKind kind = OperationKind::kGet;
    uint64_t key_index = 0;
    // The least version that the read under way may show.
    uint64_t floor = 0;
    bool reading = false;
    int conflicts = 0;
  };

  Call Read(Slot* slot);
  Call Write(Slot* slot);
  // The second half of a read-modify-write.
  Call WriteBack(Slot* slot);
  Step ContinueRead(Slot* slot, const Completion& completion, Tally& tally);
  Step ContinueWrite(Slot* slot, const Completion& completion, Tally& tally);
  // Judges get_response_.
  void Verify(const Slot& slot, Tally& tally);

  const KeyValueShared& shared_;
  Random random_;
  PutMaker puts_;
  std::vector<Slot> slots_;
  // Used again and again, so that no call allocates them anew.
  v1::GetRequest get_;
  v1::PutRequest put_;
  v1::GetResponse get_response_;
  v1::PutResponse put_response_;
};

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_KEY_VALUE_WORKLOAD_H_
