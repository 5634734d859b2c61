#include "server/store/snapshot_table.h"

#include <utility>

#include "server/base/error.h"
#include "server/store/hashed_key.h"

namespace latchkey {
namespace {

absl::Status BusyError(std::string_view message) {
  return MakeError(absl::StatusCode::kUnavailable, ErrorReason::kOverloaded,
                   message);
}

// A scan whose shards have all forgotten it: only what it keeps is left.
bool IsRead(const SnapshotScan& scan) {
  return scan.ended_shards == kShardCount;
}

}  // namespace

absl::Status ScanGoneError() {
  return MakeError(
      absl::StatusCode::kOutOfRange, ErrorReason::kScanExpired,
      "the snapshot is gone: too much was changed since, nobody read it for "
      "30 s, its entries behind the resume_token are not kept any more, or "
      "another stream goes on with it; scan anew, or go on without a snapshot: "
      "the same resume_token with consistency FUZZY");
}

absl::StatusOr<size_t> SnapshotTable::Reserve() {
  std::unique_ptr<SnapshotScan> evicted;
  MutexLock lock(mutex_);
  size_t found = kSnapshotsMax;
  for (size_t i = 0; i < kSnapshotsMax; ++i) {
    Place& place = places_[i];
    if (place.reserved) continue;
    if (place.scan == 0) {
      found = i;
      break;
    }
    // Rather than refuse a new scan, forget the end of an old one.
    if (place.parked != nullptr && place.idle_since != kNever &&
        IsRead(*place.parked)) {
      found = i;
    }
  }
  if (found == kSnapshotsMax) {
    return BusyError("there are as many snapshot scans as may be at a time");
  }
  evicted = std::move(places_[found].parked);
  places_[found] = Place{.reserved = true};
  return found;
}

void SnapshotTable::Release(size_t cut) {
  MutexLock lock(mutex_);
  places_[cut] = Place();
}

SnapshotTable::Attachment SnapshotTable::Add(
    std::unique_ptr<SnapshotScan> scan) {
  MutexLock lock(mutex_);
  Place& place = places_[scan->cut];
  place = Place{.scan = ++last_scan_, .stream = ++last_stream_};
  place.parked = std::move(scan);
  return {place.scan, place.stream};
}

SnapshotTable::Place* SnapshotTable::Find(uint64_t scan) {
  for (Place& place : places_) {
    if (scan != 0 && place.scan == scan && !place.ending) return &place;
  }
  return nullptr;
}

absl::StatusOr<SnapshotTable::Attachment> SnapshotTable::Attach(uint64_t scan) {
  MutexLock lock(mutex_);
  Place* place = Find(scan);
  if (place == nullptr) return ScanGoneError();
  place->stream = ++last_stream_;
  place->idle_since = kNever;
  return Attachment{scan, place->stream};
}

void SnapshotTable::Detach(const Attachment& attachment, UnixNanos now) {
  MutexLock lock(mutex_);
  Place* place = Find(attachment.scan);
  if (place == nullptr || place->stream != attachment.stream) return;
  place->idle_since = now;
}

absl::StatusOr<std::unique_ptr<SnapshotScan>> SnapshotTable::Take(
    const Attachment& attachment) {
  MutexLock lock(mutex_);
  Place* place = Find(attachment.scan);
  if (place == nullptr || place->stream != attachment.stream) {
    return ScanGoneError();
  }
  if (place->parked == nullptr) {
    return BusyError("another stream is reading this snapshot");
  }
  return std::move(place->parked);
}

void SnapshotTable::PutBack(std::unique_ptr<SnapshotScan> scan) {
  MutexLock lock(mutex_);
  Place& place = places_[scan->cut];
  place.parked = std::move(scan);
}

std::unique_ptr<SnapshotScan> SnapshotTable::TakeEnding(
    const SnapshotCuts& cuts, UnixNanos now) {
  MutexLock lock(mutex_);
  for (Place& place : places_) {
    if (place.parked == nullptr) continue;
    const bool lost = !IsRead(*place.parked) && cuts[place.parked->cut].lost();
    place.ending |= lost || SaturatingAdd(place.idle_since, kIdleMax) <= now;
    if (place.ending) return std::move(place.parked);
  }
  return nullptr;
}

}  // namespace latchkey
