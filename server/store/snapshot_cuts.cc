#include "server/store/snapshot_cuts.h"

#include "server/base/scheduling_hook.h"

namespace latchkey {

static_assert(kSnapshotsMax <= 32, "a cut is one bit of a word");

const SnapshotCut& SnapshotCuts::Begin(size_t number, std::string_view prefix,
                                       const Clock& clock) {
  SnapshotCut& cut = cuts_[number];
  cut.prefix_ = prefix;
  cut.version_.store(SnapshotCut::kUnsettled);
  cut.now_.store(SnapshotCut::kUnknown);
  cut.image_bytes_.store(0);
  cut.lost_.store(false);
  registered_.fetch_or(Bit(number));
  SchedulingPoint();
  Settle(cut);
  // After the version is settled: no commit of the cut took anything for
  // expired that the scan takes for alive.
  cut.now_.store(clock.Now());
  return cut;
}

uint64_t SnapshotCuts::Settle(SnapshotCut& cut) {
  uint64_t version = cut.version_.load();
  if (version != SnapshotCut::kUnsettled) return version;
  const uint64_t last = commits_.load();
  SchedulingPoint();
  return cut.version_.compare_exchange_strong(version, last) ? last : version;
}

bool SnapshotCuts::Concerns(size_t number, const Entry& entry,
                            uint64_t version) {
  SnapshotCut& cut = cuts_[number];
  const uint64_t cut_version = Settle(cut);
  return entry.version() <= cut_version && cut_version < version &&
         entry.key().starts_with(cut.prefix_);
}

void SnapshotCuts::GiveUp() {
  for (size_t number = 0; number < kSnapshotsMax; ++number) {
    if ((registered() & Bit(number)) == 0) continue;
    cuts_[number].lost_.store(true);
    End(number);
  }
}

void SnapshotCuts::CountImage(size_t number, const Entry& entry) {
  SnapshotCut& cut = cuts_[number];
  const size_t bytes = ImageBytes(entry);
  memory_.Take(kImageMemory);
  if (cut.image_bytes_.fetch_add(bytes) + bytes <= image_bytes_max_) return;
  cut.lost_.store(true);
  End(number);
}

void SnapshotCuts::UncountImages(size_t number, size_t images, size_t bytes) {
  cuts_[number].image_bytes_.fetch_sub(bytes);
  ForgetImages(images);
}

}  // namespace latchkey
