#include "server/store/scanner.h"

#include <deque>
#include <utility>
#include <vector>

#include "server/base/error.h"
#include "server/base/sync_point.h"

namespace latchkey {

// Holds a position and nothing else.
class Scanner::FuzzyScan final : public Scan {
 public:
  FuzzyScan(Scanner& scanner, const ScanOptions& options, size_t shard,
            uint32_t place)
      : scanner_(scanner),
        prefix_(options.prefix),
        limits_(options.page),
        shard_(shard),
        place_(place) {}

  absl::StatusOr<ScanPage> Next(DeadlineToken token) override {
    ScanPage page(limits_);
    size_t visits = 0;
    while (shard_ < kShardCount && !page.IsFull() && visits < kPageVisitsMax) {
      if (absl::Status s = scanner_.CheckToken(token); !s.ok()) return s;
      visits += ReadSlice(page);
      if (full_) break;
    }
    if (shard_ < kShardCount) {
      page.resume_token =
          scanner_.TokenBytes({.kind = ScanToken::Kind::kFuzzy,
                               .shard = static_cast<ShardIndex>(shard_),
                               .first = place_},
                              prefix_);
    }
    full_ = false;
    return page;
  }

 private:
  // Adds to `page` what comes next of the shard, and sets `full_` where
  // something did not fit.  Returns how many entries were looked at.
  size_t ReadSlice(ScanPage& page) {
    const UnixNanos now = scanner_.clock_.Now();
    Shard& shard = scanner_.shards_[static_cast<ShardIndex>(shard_)];
    ShardLock lock(shard);
    const auto take = [&](Entry& entry) {
      if (entry.expire_time() <= now || !entry.key().starts_with(prefix_)) {
        return true;
      }
      full_ = page.IsFull() || !page.Fits(entry);
      if (!full_) page.Add({EntryRef(&entry), entry.expire_time()});
      return !full_;
    };
    const size_t visits = shard.order().Walk(&place_, kSliceEntriesMax, take);
    if (place_ == 0) {
      ++shard_;
      place_ = EntryOrder::kEnd;
    }
    return visits;
  }

  Scanner& scanner_;
  const std::string prefix_;
  const ScanPageLimits limits_;

  // The first shard that was not sent whole, and what of it is still to come.
  size_t shard_;
  uint32_t place_;
  bool full_ = false;
};

// Reads a SnapshotScan as long as no other stream does.
class Scanner::SnapshotReader final : public Scan {
 public:
  SnapshotReader(Scanner& scanner, const ScanOptions& options,
                 const SnapshotTable::Attachment& attachment, uint64_t sent)
      : scanner_(scanner),
        prefix_(options.prefix),
        limits_(options.page),
        attachment_(attachment),
        sent_(sent) {}

  ~SnapshotReader() override {
    scanner_.snapshots_.Detach(attachment_, scanner_.clock_.Now());
  }

  absl::StatusOr<ScanPage> Next(DeadlineToken token) override {
    auto scan = scanner_.snapshots_.Take(attachment_);
    if (!scan.ok()) return scan.status();
    ScanPage page(limits_);
    const uint64_t sent_before = sent_;
    const absl::Status status = Fill(**scan, token, page);
    scanner_.snapshots_.PutBack(*std::move(scan));
    if (status.ok()) return page;
    sent_ = sent_before;
    return status;
  }

 private:
  // Sends what was read and not sent, and reads on.  What a slice read stays
  // with the scan until it was sent, so an error here loses nothing.
  absl::Status Fill(SnapshotScan& scan, DeadlineToken token, ScanPage& page) {
    if (sent_ < scan.first_kept() || scanner_.IsLost(scan)) {
      return ScanGoneError();
    }
    TrimKept(scan);
    size_t visits = 0;
    SendKept(scan, page);
    while (sent_ == scan.read && scan.shard < kShardCount && !page.IsFull() &&
           visits < kPageVisitsMax) {
      absl::Status status = scanner_.CheckToken(token);
      if (status.ok()) status = scanner_.ReadSlice(scan, &visits);
      if (!status.ok()) return status;
      SendKept(scan, page);
    }
    page.snapshot_version = scan.version;
    if (sent_ < scan.read || scan.shard < kShardCount) {
      page.resume_token =
          scanner_.TokenBytes({.kind = ScanToken::Kind::kSnapshot,
                               .shard = static_cast<ShardIndex>(ShardOf(scan)),
                               .first = attachment_.scan,
                               .second = sent_},
                              prefix_);
    }
    return absl::OkStatus();
  }

  void SendKept(SnapshotScan& scan, ScanPage& page) {
    while (sent_ < scan.read && !page.IsFull()) {
      const SnapshotScan::Kept& next = scan.kept[sent_ - scan.first_kept()];
      if (!page.Fits(*next.view.entry)) break;
      page.Add(next.view);
      ++sent_;
      if (sent_ <= scan.sent) continue;
      scan.sent = sent_;
      scan.sent_bytes += SnapshotCuts::ImageBytes(*next.view.entry);
    }
  }

  // What was sent long ago is not asked for again.
  void TrimKept(SnapshotScan& scan) const {
    while (scan.sent_bytes > kKeptBytesMax && scan.first_kept() < sent_) {
      const Entry& oldest = *scan.kept.front().view.entry;
      scan.sent_bytes -= SnapshotCuts::ImageBytes(oldest);
      scan.kept.pop_front();
    }
  }

  // The first shard of which the client may not have all.
  size_t ShardOf(const SnapshotScan& scan) const {
    if (sent_ == scan.read) return scan.shard;
    return scan.kept[sent_ - scan.first_kept()].shard;
  }

  Scanner& scanner_;
  const std::string prefix_;
  const ScanPageLimits limits_;
  const SnapshotTable::Attachment attachment_;

  // How many entries this client was sent.
  uint64_t sent_;
};

absl::StatusOr<std::unique_ptr<Scan>> Scanner::Start(
    const ScanOptions& options) {
  ScanToken token = {.first = EntryOrder::kEnd};
  if (!options.resume_token.empty()) {
    absl::StatusOr<ScanToken> parsed = ScanToken::Parse(
        options.resume_token, hasher_, incarnation_, options.prefix);
    if (!parsed.ok()) return parsed.status();
    token = *parsed;
  }
  if (!options.snapshot) {
    // A snapshot's token has no place: its shard is sent again.
    const uint32_t place = token.kind == ScanToken::Kind::kFuzzy
                               ? static_cast<uint32_t>(token.first)
                               : EntryOrder::kEnd;
    return std::make_unique<FuzzyScan>(*this, options, token.shard, place);
  }
  if (options.resume_token.empty()) {
    const auto attachment = StartSnapshot(options.prefix);
    if (!attachment.ok()) return attachment.status();
    return std::make_unique<SnapshotReader>(*this, options, *attachment, 0);
  }
  if (token.kind != ScanToken::Kind::kSnapshot) {
    return MakeInvalidArgument(ErrorReason::kInvalidField, "resume_token",
                               "is not one of a SNAPSHOT scan");
  }
  const auto attachment = snapshots_.Attach(token.first);
  if (!attachment.ok()) return attachment.status();
  return std::make_unique<SnapshotReader>(*this, options, *attachment,
                                          token.second);
}

absl::StatusOr<SnapshotTable::Attachment> Scanner::StartSnapshot(
    std::string_view prefix) {
  const absl::StatusOr<size_t> number = snapshots_.Reserve();
  if (!number.ok()) return number.status();
  auto scan = std::make_unique<SnapshotScan>();
  scan->cut = *number;
  scan->version = cuts_.Begin(*number, prefix, clock_).version();
  return snapshots_.Add(std::move(scan));
}

bool Scanner::IsLost(const SnapshotScan& scan) const {
  return scan.shard < kShardCount && cuts_[scan.cut].lost();
}

absl::Status Scanner::ReadSlice(SnapshotScan& scan, size_t* visits) {
  const SnapshotCut& cut = cuts_[scan.cut];
  std::vector<EntryView> views;
  views.reserve(kSliceEntriesMax);
  size_t entries_left = kSliceEntriesMax;
  bool lost = false;
  bool whole = true;
  if (scan.images.empty()) {
    Shard& shard = shards_[static_cast<ShardIndex>(scan.shard)];
    ShardLock lock(shard);
    whole =
        shard.snapshots().Read(scan.cut, &entries_left, &views, &scan.images);
    // Under the lock: a writer that left no image here had seen it.
    lost = IsLost(scan);
  } else {
    TakeImages(scan, &views);
    entries_left -= views.size();
  }
  if (lost) return ScanGoneError();
  *visits += kSliceEntriesMax - entries_left;
  for (EntryView& view : views) {
    if (view.expire_time <= cut.now()) continue;
    scan.kept.push_back({std::move(view), scan.shard});
    ++scan.read;
  }
  if (whole && scan.images.empty()) ++scan.shard;
  if (scan.shard == kShardCount) {
    cuts_.End(scan.cut);
    EndShards(scan, SIZE_MAX);
  }
  return absl::OkStatus();
}

void Scanner::TakeImages(SnapshotScan& scan, std::vector<EntryView>* views) {
  size_t bytes = 0;
  while (views->size() < kSliceEntriesMax && !scan.images.empty()) {
    if (const size_t size = scan.images.size(); size > kSliceEntriesMax) {
      // Of the next slice.
      const EntryView& next = scan.images[size - 1 - kSliceEntriesMax];
      __builtin_prefetch(next.entry.get());
    }
    bytes += SnapshotCuts::ImageBytes(*scan.images.back().entry);
    views->push_back(std::move(scan.images.back()));
    scan.images.pop_back();
  }
  cuts_.UncountImages(scan.cut, views->size(), bytes);
}

size_t Scanner::EndShards(SnapshotScan& scan, size_t images_max) {
  size_t freed = scan.images.size();
  cuts_.ForgetImages(freed);
  scan.images.clear();
  while (scan.ended_shards < kShardCount && freed < images_max) {
    std::deque<EntryView> images;
    {
      Shard& shard = shards_[static_cast<ShardIndex>(scan.ended_shards)];
      ShardLock lock(shard);
      images = shard.snapshots().Forget(scan.cut);
    }
    freed += images.size();
    ++scan.ended_shards;
  }
  return freed;
}

size_t Scanner::Sweep(size_t images_max) {
  size_t freed = 0;
  while (freed < images_max) {
    std::unique_ptr<SnapshotScan> scan =
        snapshots_.TakeEnding(cuts_, clock_.Now());
    if (scan == nullptr) return freed;
    if (scan->ended_shards == 0) cuts_.End(scan->cut);
    freed += EndShards(*scan, images_max - freed);
    if (scan->ended_shards < kShardCount) {
      snapshots_.PutBack(std::move(scan));
    } else {
      snapshots_.Release(scan->cut);
    }
  }
  return freed;
}

absl::Status Scanner::CheckToken(DeadlineToken token) const {
  ReachSyncPoint(SyncPoint::kNextKeys);
  const EndReason end = token.Check(clock_.Now());
  if (end == EndReason::kNone) return absl::OkStatus();
  return EndedError(end, DeadlineStage::kBeforeCommit);
}

std::string Scanner::TokenBytes(const ScanToken& token,
                                std::string_view prefix) const {
  return token.ToBytes(hasher_, incarnation_, prefix);
}

}  // namespace latchkey
