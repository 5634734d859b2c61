#include "server/store/shard_snapshots.h"

#include <bit>
#include <utility>

#include "server/base/check.h"
#include "server/base/mutant.h"
#include "server/store/mutant_hooks.h"

namespace latchkey {

// How far a scan is with this shard.
struct ShardSnapshots::Reading {
  enum class Stage : uint8_t { kNotBegun, kBegun, kDone };

  // Whether the scan has read `entry`, or needs not.
  bool Passed(const Entry& entry) const {
    return stage == Stage::kDone ||
           (stage == Stage::kBegun && entry.place() >= mark);
  }

  Stage stage = Stage::kNotBegun;
  // kBegun: what stands below is not read yet.
  uint32_t mark = 0;
  // No vector: a writer that makes it grow would move all the others.
  std::deque<EntryView> images;
  // Those images whose entry is still in the order: a touch changed it.
  absl::flat_hash_set<const Entry*> touched;
};

ShardSnapshots::ShardSnapshots(SnapshotCuts& cuts, const EntryOrder& order)
    : cuts_(cuts), order_(order) {}

ShardSnapshots::~ShardSnapshots() = default;

ShardSnapshots::Reading& ShardSnapshots::ReadingOf(size_t number) {
  if (readings_.empty()) readings_.resize(kSnapshotsMax);
  if (readings_[number] == nullptr) {
    readings_[number] = std::make_unique<Reading>();
  }
  return *readings_[number];
}

void ShardSnapshots::KeepImages(uint32_t cuts, Entry& entry, uint64_t version,
                                bool touch) {
  for (; cuts != 0; cuts &= cuts - 1) {
    const auto number = static_cast<size_t>(std::countr_zero(cuts));
    if (!cuts_.Concerns(number, entry, version)) continue;
    Reading& reading = ReadingOf(number);
    if (reading.Passed(entry) || reading.touched.contains(&entry)) continue;
    // One that had expired is not seen.  Touched, it must not be seen alive.
    if (!touch && entry.expire_time() <= cuts_[number].now()) continue;
    if (MutantActive(Mutant::kSnapshotMissesImage) && EverySecondTime()) {
      continue;
    }
    reading.images.push_back({EntryRef(&entry), entry.expire_time()});
    if (touch) reading.touched.insert(&entry);
    cuts_.CountImage(number, entry);
  }
}

bool ShardSnapshots::Needs(uint32_t cuts, const Entry& entry) const {
  for (; cuts != 0; cuts &= cuts - 1) {
    const auto number = static_cast<size_t>(std::countr_zero(cuts));
    if (!cuts_.Concerns(number, entry, kAfterAllCommits)) continue;
    const Reading* reading =
        readings_.empty() ? nullptr : readings_[number].get();
    if (reading == nullptr || !reading->Passed(entry)) return true;
  }
  return false;
}

bool ShardSnapshots::Read(size_t number, size_t* entries_left,
                          std::vector<EntryView>* out,
                          std::deque<EntryView>* images) {
  const bool nothing_yet = readings_.empty() || readings_[number] == nullptr;
  if (nothing_yet && order_.size() == 0) return true;
  const SnapshotCut& cut = cuts_[number];
  Reading& reading = ReadingOf(number);
  LATCHKEY_CHECK(reading.stage != Reading::Stage::kDone,
                 "a shard is read once");
  if (reading.stage == Reading::Stage::kNotBegun) {
    reading.stage = Reading::Stage::kBegun;
    reading.mark = order_.end();
  }
  const auto read = [&](Entry& entry) {
    if (cut.Holds(entry) && !reading.touched.contains(&entry)) {
      out->push_back({EntryRef(&entry), entry.expire_time()});
    }
    return true;
  };
  *entries_left -= order_.Walk(&reading.mark, *entries_left, read);
  if (reading.mark > 0) return false;
  images->swap(reading.images);
  reading.stage = Reading::Stage::kDone;
  reading.touched = {};
  return true;
}

std::deque<EntryView> ShardSnapshots::Forget(size_t number) {
  if (readings_.empty() || readings_[number] == nullptr) return {};
  const std::unique_ptr<Reading> reading = std::move(readings_[number]);
  cuts_.ForgetImages(reading->images.size());
  return std::move(reading->images);
}

}  // namespace latchkey
