// SnapshotTable is the snapshot scans there are: at most kSnapshotsMax.  A scan
// outlives the stream that reads it, so that a client whose stream broke can go
// on in the same cut; a scan that nobody reads for a while ends.
//
// Whoever reads a scan takes it out of the table and puts it back, so the scan
// itself needs no lock.  A scan is read by the stream that attached last; the
// others learn that it is gone.
//
// Thread safety: all methods may be called from any thread.

#ifndef LATCHKEY_SERVER_STORE_SNAPSHOT_TABLE_H_
#define LATCHKEY_SERVER_STORE_SNAPSHOT_TABLE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"
#include "server/store/operations.h"
#include "server/store/snapshot_cuts.h"

namespace latchkey {

// How far a snapshot scan was read, and what of it may be asked for again.
//
// Thread safety: belongs to whoever took it.
struct SnapshotScan {
  // The number of its cut.
  size_t cut = 0;
  uint64_t version = 0;

  // The first shard that was not read to its end.
  size_t shard = 0;
  // What is left to be read of that shard, where all but its images was.
  std::deque<EntryView> images;
  // The shards that have forgotten the cut.
  size_t ended_shards = 0;

  // The last entries that were read, each with its shard.
  struct Kept {
    EntryView view;
    size_t shard;
  };
  std::deque<Kept> kept;
  // How many were read, and how many of these were ever sent; what the kept
  // ones of those hold.
  uint64_t read = 0;
  uint64_t sent = 0;
  size_t sent_bytes = 0;

  // How many entries were read before the first that is kept.
  uint64_t first_kept() const { return read - kept.size(); }
};

// OUT_OF_RANGE SCAN_EXPIRED: the snapshot, or what is asked for of it, is no
// more.
absl::Status ScanGoneError();

class SnapshotTable {
 public:
  // How long a scan lives without a stream.
  static constexpr Nanos kIdleMax = 30 * kNanosPerSecond;

  // A stream's right to read a scan, until another attaches to it.
  struct Attachment {
    uint64_t scan = 0;
    uint64_t stream = 0;
  };

  SnapshotTable() = default;

  SnapshotTable(const SnapshotTable&) = delete;
  SnapshotTable& operator=(const SnapshotTable&) = delete;

  // A place for a new scan: the number of its cut, which is the caller's until
  // Release() or Add().
  //
  // Errors: UNAVAILABLE OVERLOADED when there are too many.
  absl::StatusOr<size_t> Reserve();
  void Release(size_t cut);

  // Adds a scan, at its cut's place, and attaches to it.
  Attachment Add(std::unique_ptr<SnapshotScan> scan);

  // Attaches to a scan instead of the stream that had it.
  //
  // Errors: SCAN_EXPIRED when it is gone.
  absl::StatusOr<Attachment> Attach(uint64_t scan);

  // The scan's stream has ended at `now`; without effect where another has
  // attached since.
  void Detach(const Attachment& attachment, UnixNanos now);

  // Takes a scan out, to read it; PutBack() follows.
  //
  // Errors: SCAN_EXPIRED when it is gone or another stream has it; UNAVAILABLE
  // OVERLOADED when that stream is reading just now.
  absl::StatusOr<std::unique_ptr<SnapshotScan>> Take(
      const Attachment& attachment);
  void PutBack(std::unique_ptr<SnapshotScan> scan);

  // Takes a scan that is to end: it is lost, or nobody has read it for
  // kIdleMax, or its end was begun before.  Null: there is none.  It cannot be
  // attached to any more.  PutBack() goes on later, Release() ends it.
  std::unique_ptr<SnapshotScan> TakeEnding(const SnapshotCuts& cuts,
                                           UnixNanos now);

 private:
  struct Place {
    bool reserved = false;
    bool ending = false;
    // The number of the scan; 0 while the place is free or reserved.
    uint64_t scan = 0;
    uint64_t stream = 0;
    // kNever while a stream has the scan.
    UnixNanos idle_since = kNever;
    // Null while someone has taken it.
    std::unique_ptr<SnapshotScan> parked;
  };

  Place* Find(uint64_t scan) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  std::array<Place, kSnapshotsMax> places_ ABSL_GUARDED_BY(mutex_);
  uint64_t last_scan_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t last_stream_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_SNAPSHOT_TABLE_H_
