// SnapshotCut is one moment that a snapshot scan reads: all commits up to a
// version, and the instant by which it judges what had expired.  SnapshotCuts
// are those that writers must keep images for.
//
// How a cut is made without stopping writers.  The scan first registers its
// cut and then reads the commit sequence; a writer first takes its version and
// then looks at the registrations; all of it sequentially consistent.  So a
// writer that did not see the registration has a version that the scan's
// reading includes.  A writer may see a cut before its scan came to read the
// sequence: then it reads the sequence for it.  Whoever is first settles the
// version, and both see the same one.
//
// The commits of the cut are whole: a writer with a version of the cut that has
// not finished still holds the mutexes that the scan waits for.
//
// Thread safety: Begin() and End() belong to whoever owns the cut; the rest may
// be called from any thread.

#ifndef LATCHKEY_SERVER_STORE_SNAPSHOT_CUTS_H_
#define LATCHKEY_SERVER_STORE_SNAPSHOT_CUTS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "server/base/clock.h"
#include "server/store/entry.h"
#include "server/store/memory_budget.h"

namespace latchkey {

// What counts as the version of a change that is no commit: a sweep.
inline constexpr uint64_t kAfterAllCommits = UINT64_MAX;

// How many snapshots there are at a time.  Each is looked at by every write and
// keeps images of its own; scans of a server are few.
inline constexpr size_t kSnapshotsMax = 16;

// The last commit, as Store counts them.
using CommitSequence = std::atomic<uint64_t>;

class SnapshotCut {
 public:
  // REQUIRES: Settle() was called, by whomever.
  uint64_t version() const { return version_.load(); }

  // The instant; before the scan has read it, one that is before all others.
  UnixNanos now() const { return now_.load(); }

  // The bytes of its images went over their bound: what they should show is
  // lost.
  bool lost() const { return lost_.load(); }

  // Whether `entry`, as it is, belongs to the cut.
  bool Holds(const Entry& entry) const {
    return entry.version() <= version() && entry.expire_time() > now() &&
           entry.key().starts_with(prefix_);
  }

 private:
  friend class SnapshotCuts;

  static constexpr uint64_t kUnsettled = UINT64_MAX;
  static constexpr UnixNanos kUnknown = INT64_MIN;

  // Set before the cut is registered.
  std::string prefix_;

  // Set once, by whoever is first.
  std::atomic<uint64_t> version_ = kUnsettled;
  // A writer that still sees kUnknown keeps an image too many.
  std::atomic<UnixNanos> now_ = kUnknown;
  // What its images take.  One word; agrees with nothing else.
  std::atomic<size_t> image_bytes_ = 0;
  // Set before the registration ends.  A writer that sees the registration
  // ended, and so leaves no image, sees this; the scan sees what that writer
  // saw by the mutex of the shard.
  std::atomic<bool> lost_ = false;
};

// Aligned so that the word which every write reads is alone with what seldom
// changes.
class alignas(64) SnapshotCuts {
 public:
  // `commits` and `memory` must outlive the object.  The images of one cut may
  // take `image_bytes_max`.
  SnapshotCuts(const CommitSequence& commits, size_t image_bytes_max,
               MemoryBudget& memory)
      : commits_(commits), image_bytes_max_(image_bytes_max), memory_(memory) {}

  SnapshotCuts(const SnapshotCuts&) = delete;
  SnapshotCuts& operator=(const SnapshotCuts&) = delete;

  // Makes cut `number` of the keys that begin with `prefix`: everything that is
  // committed before this, and nothing that is begun after it.
  //
  // REQUIRES: no cut of this number is registered, and since one was, each
  // shard's mutex was held once.
  const SnapshotCut& Begin(size_t number, std::string_view prefix,
                           const Clock& clock);

  // Ends the registration: no more images are left.
  void End(size_t number) { registered_.fetch_and(~Bit(number)); }

  // Gives up all cuts that are registered, as if their images had gone over the
  // bound.
  void GiveUp();

  // The registered cuts, one bit each.
  uint32_t registered() const { return registered_.load(); }

  const SnapshotCut& operator[](size_t number) const { return cuts_[number]; }

  // Whether a cut needs to know `entry` as it was before the commit of
  // `version` changes it.
  //
  // REQUIRES: the cut was registered when the caller, which holds the entry's
  // shard, looked.
  bool Concerns(size_t number, const Entry& entry, uint64_t version);

  // Counts an image of `entry`.  Over the bound the cut is lost.
  void CountImage(size_t number, const Entry& entry);

  // `images` that were counted are no more; `bytes` is the sum of their
  // ImageBytes().  Of many at once: writers count in the same words.
  void UncountImages(size_t number, size_t images, size_t bytes);

  // `images` that were counted are no more; their cut has ended.
  void ForgetImages(size_t images) { memory_.Give(images * kImageMemory); }

  // What the images of a cut take.
  size_t image_bytes(size_t number) const {
    return cuts_[number].image_bytes_.load(std::memory_order_relaxed);
  }

  // What `entry` and the reference to it count.
  static size_t ImageBytes(const Entry& entry) {
    return entry.key().size() + entry.value().size() + kImageOverheadBytes;
  }

 private:
  // The entry's header, what the allocator adds, and what refers to it.
  static constexpr size_t kImageOverheadBytes = 96;

  // Of that, what refers to the entry: a view in a list that has room to grow,
  // and a slot of those that were touched.
  static constexpr size_t kImageMemory = 64;

  static uint32_t Bit(size_t number) { return uint32_t{1} << number; }

  // The version of the cut, which is settled after this.
  uint64_t Settle(SnapshotCut& cut);

  // Constant after construction.
  const CommitSequence& commits_;
  const size_t image_bytes_max_;

  // Synchronise themselves.
  MemoryBudget& memory_;
  // Registering a cut publishes its prefix to the
  // writers who see the bit.
  std::atomic<uint32_t> registered_ = 0;
  std::array<SnapshotCut, kSnapshotsMax> cuts_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_SNAPSHOT_CUTS_H_
