// ShardSnapshots is what one shard keeps for the snapshot scans: how far each
// has read the shard, and images of the entries that were changed before it
// came to them.
//
// An image is a reference to the entry as it was, which is immutable, and its
// expiry, which is not.  A scan reads the entries of the order first, from its
// end down, and takes the images at its beginning; what changes during that
// stands above its mark, or is an image.  What comes in below the mark is
// younger than the cut.
//
// Invariant: an entry of a cut is exactly one of: read; below the mark,
// unchanged since the cut; an image.
//
// Thread safety: the shard's mutex guards it.

#ifndef LATCHKEY_SERVER_STORE_SHARD_SNAPSHOTS_H_
#define LATCHKEY_SERVER_STORE_SHARD_SNAPSHOTS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "server/store/entry.h"
#include "server/store/entry_order.h"
#include "server/store/operations.h"
#include "server/store/snapshot_cuts.h"

namespace latchkey {

class ShardSnapshots {
 public:
  // Both must outlive the object.
  ShardSnapshots(SnapshotCuts& cuts, const EntryOrder& order);
  ~ShardSnapshots();

  ShardSnapshots(const ShardSnapshots&) = delete;
  ShardSnapshots& operator=(const ShardSnapshots&) = delete;

  // The commit of `version` is about to replace or remove `entry`.  Costs one
  // load while there are no snapshots.
  //
  // REQUIRES: the version was taken while the shard was held, and its commit
  // cannot fail any more.
  void BeforeChange(Entry& entry, uint64_t version) {
    if (const uint32_t cuts = cuts_.registered(); cuts != 0) {
      KeepImages(cuts, entry, version, /*touch=*/false);
    }
  }

  // Whether BeforeChange() would leave an image of `entry` now, for any version
  // that is still to come.
  bool WouldKeepImage(const Entry& entry) {
    const uint32_t cuts = cuts_.registered();
    return cuts != 0 && Needs(cuts, entry);
  }

  // As BeforeChange(), where the entry gets another expiry and stays.
  void BeforeTouch(Entry& entry, uint64_t version) {
    if (const uint32_t cuts = cuts_.registered(); cuts != 0) {
      KeepImages(cuts, entry, version, /*touch=*/true);
    }
  }

  // Appends to `out` what comes next of cut `number`.  Looks at no more than
  // `*entries_left` entries and takes from it those that it looked at.  Returns
  // whether the whole shard was read.  Then, but not before, `*images` become
  // those of the shard: there will be no others, so the caller takes its time
  // with them, without the lock.  Some may have expired before the cut.  They
  // count (SnapshotCuts::CountImage) until the caller says that they do not.
  //
  // REQUIRES: it was not read before; `*images` is empty.
  bool Read(size_t number, size_t* entries_left, std::vector<EntryView>* out,
            std::deque<EntryView>* images);

  // Forgets cut `number`.  Returns its images, so that the caller frees them
  // without the lock.
  //
  // REQUIRES: its registration has ended.
  std::deque<EntryView> Forget(size_t number);

 private:
  struct Reading;

  Reading& ReadingOf(size_t number);
  bool Needs(uint32_t cuts, const Entry& entry) const;
  void KeepImages(uint32_t cuts, Entry& entry, uint64_t version, bool touch);

  SnapshotCuts& cuts_;
  const EntryOrder& order_;
  // By number of the cut; null where neither the scan nor a writer needed it.
  // Empty while there was no snapshot yet.
  std::vector<std::unique_ptr<Reading>> readings_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_SHARD_SNAPSHOTS_H_
