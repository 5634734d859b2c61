// Scanner reads all entries of a prefix, page by page, without stopping
// writers.
//
//   Fuzzy     each entry that exists throughout the scan is seen at least once.
//             Nothing is kept in the server between two pages.
//   Snapshot  exactly the entries of one moment (snapshot_cuts.h).  Writers
//             leave images of what they change before the scan came to it.
//
// Shards are visited in their order, each from the end of its EntryOrder to the
// beginning, in slices: no shard is held for more than kSliceEntriesMax
// entries, of which only references are taken.  Writers never wait for a scan
// longer than for a slice.
//
// A snapshot that is no more (too many images, idle for kIdleMax, read by
// another stream) ends with OUT_OF_RANGE, SCAN_EXPIRED.  Its tokens are good
// for a fuzzy scan, which goes on with the first shard that was not sent whole.
//
// Thread safety: the methods of Scanner may be called from any thread; a Scan
// belongs to one thread at a time.
//
// Example:
//   auto scan = store.scanner().Start({.prefix = "user:", .snapshot = true});
//   if (!scan.ok()) return scan.status();
//   absl::StatusOr<ScanPage> page = (*scan)->Next(token);

#ifndef LATCHKEY_SERVER_STORE_SCANNER_H_
#define LATCHKEY_SERVER_STORE_SCANNER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/runtime/deadline.h"
#include "server/store/key_hasher.h"
#include "server/store/scan_page.h"
#include "server/store/scan_token.h"
#include "server/store/shard_table.h"
#include "server/store/snapshot_cuts.h"
#include "server/store/snapshot_table.h"

namespace latchkey {

struct ScanOptions {
  std::string_view prefix = {};
  bool snapshot = false;
  ScanPageLimits page = {};
  // Where an earlier scan stopped; empty: from the start.
  std::string_view resume_token = {};
};

// One scan.  Destroyed, a snapshot waits for a while to be resumed.
class Scan {
 public:
  virtual ~Scan() = default;

  Scan(const Scan&) = delete;
  Scan& operator=(const Scan&) = delete;

  // The next page.  It may be empty: each is sent after a bounded amount of
  // work.  The token is checked before every slice; after its end the scan can
  // be resumed with the last page's resume_token.
  //
  // REQUIRES: the last page had a resume_token.
  // Errors: the token's end; SCAN_EXPIRED or OVERLOADED of a snapshot.
  virtual absl::StatusOr<ScanPage> Next(DeadlineToken token) = 0;

 protected:
  Scan() = default;
};

class Scanner {
 public:
  // How many entries are looked at under one lock: so few that a writer which
  // comes meanwhile gets it before it would go to sleep (Mutex::LockSpinning).
  static constexpr size_t kSliceEntriesMax = 8;

  // How many entries are looked at for one page.
  static constexpr size_t kPageVisitsMax = 4096;

  // How many bytes of sent entries a snapshot keeps, for a client whose stream
  // broke while they were on their way.
  static constexpr size_t kKeptBytesMax = 8 * 1024 * 1024;

  // All references must outlive the scanner, and the scanner its scans.
  Scanner(const KeyHasher& hasher, uint64_t incarnation, const Clock& clock,
          SnapshotCuts& cuts, ShardTable& shards)
      : hasher_(hasher),
        incarnation_(incarnation),
        clock_(clock),
        cuts_(cuts),
        shards_(shards) {}

  Scanner(const Scanner&) = delete;
  Scanner& operator=(const Scanner&) = delete;

  // Begins a scan, or goes on with one.
  //
  // Errors: those of ScanToken::Parse(); INVALID_ARGUMENT INVALID_FIELD for a
  // token of a fuzzy scan where a snapshot is asked for; SCAN_EXPIRED; with
  // `snapshot` UNAVAILABLE OVERLOADED when there are kSnapshotsMax.
  absl::StatusOr<std::unique_ptr<Scan>> Start(const ScanOptions& options);

  // Ends snapshots that are lost or idle.  Frees about `images_max` images at
  // most and returns how many; less means that nothing is left to be done.
  // Holds one shard's lock at a time.
  size_t Sweep(size_t images_max);

 private:
  class FuzzyScan;
  class SnapshotReader;

  absl::Status CheckToken(DeadlineToken token) const;
  std::string TokenBytes(const ScanToken& token, std::string_view prefix) const;

  absl::StatusOr<SnapshotTable::Attachment> StartSnapshot(
      std::string_view prefix);

  // Whether images were given up that `scan` still needs.
  bool IsLost(const SnapshotScan& scan) const;

  // Reads the next slice of `scan` into what it keeps, of its shard or of the
  // images that it took from there; `*visits` grows by the entries that were
  // looked at.
  //
  // Errors: SCAN_EXPIRED when it is lost.
  absl::Status ReadSlice(SnapshotScan& scan, size_t* visits);

  // Moves the next images of `scan` to `views`.
  void TakeImages(SnapshotScan& scan, std::vector<EntryView>* views);

  // Lets shards forget the cut of `scan`, until all have or about `images_max`
  // images were freed; returns how many.
  size_t EndShards(SnapshotScan& scan, size_t images_max);

  // Constant after construction.
  const KeyHasher& hasher_;
  const uint64_t incarnation_;
  const Clock& clock_;

  // Synchronise themselves.
  SnapshotCuts& cuts_;
  ShardTable& shards_;
  SnapshotTable snapshots_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_SCANNER_H_
