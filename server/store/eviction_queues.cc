#include "server/store/eviction_queues.h"

#include <algorithm>

namespace latchkey {
namespace {

// The small queue is one part of so many of the bytes.
constexpr size_t kPartsOfS3Fifo = 10;
constexpr size_t kPartsOfTinyLfu = 20;

// How many ghosts of S3-FIFO there are for the entries that are here.
constexpr size_t GhostsOf(size_t entries) { return entries * 9 / 10; }

// How many keys TinyLFU remembers for each entry that is here.
constexpr size_t kRememberedPerEntry = 2;

// How many have to leave for each entry that is here until all counts are
// halved, where they are remembered long and where shortly.
constexpr size_t kLeftPerAgeLong = 16;
constexpr size_t kLeftPerAgeShort = 2;

// How many of the main queue are compared with one that would come to it.
constexpr int kRivalsMax = 16;

}  // namespace

void EvictionQueues::Add(Entry& entry, uint32_t fingerprint) {
  uint8_t uses = kInMain;
  if (policy_ == EvictionPolicy::kTinyLfu) {
    ageing_.CountMiss(role_);
    const unsigned before = frequencies_.Take(fingerprint);
    uses = static_cast<uint8_t>(std::min<unsigned>(before + 1, kUses) | age_);
  } else if (policy_ == EvictionPolicy::kS3Fifo &&
             !ghosts_.Take(fingerprint, GhostsOf(order_.size()))) {
    uses = 0;
  }
  entry.set_uses(uses);
  if (policy_ == EvictionPolicy::kNone) {
    main_.bytes += entry.bytes();
    return;
  }
  Push(QueueOf(entry), entry);
}

void EvictionQueues::Replace(const Entry& replaced, Entry& entry) {
  entry.set_uses(replaced.uses());
  QueueOf(entry).bytes += entry.bytes() - replaced.bytes();
}

void EvictionQueues::Remove(const Entry& entry) {
  if (policy_ == EvictionPolicy::kNone) {
    main_.bytes -= entry.bytes();
  } else {
    Unlink(entry);
  }
}

void EvictionQueues::Push(Queue& queue, const Entry& entry) {
  const uint32_t place = entry.place();
  links_[place] = {.older = queue.newest, .newer = kNoPlace};
  if (queue.newest == kNoPlace) {
    queue.oldest = place;
  } else {
    links_[queue.newest].newer = place;
  }
  queue.newest = place;
  queue.bytes += entry.bytes();
}

void EvictionQueues::Unlink(const Entry& entry) {
  const Links links = links_[entry.place()];
  Queue& queue = QueueOf(entry);
  if (links.older == kNoPlace) {
    queue.oldest = links.newer;
  } else {
    links_[links.older].newer = links.newer;
  }
  if (links.newer == kNoPlace) {
    queue.newest = links.older;
  } else {
    links_[links.newer].older = links.older;
  }
  queue.bytes -= entry.bytes();
}

const EvictionQueues::Queue& EvictionQueues::QueueToShorten() const {
  // With TinyLFU one entry leaves the main queue for each that comes to it, so
  // that it is too large by itself only where others were deleted.
  const size_t parts = policy_ == EvictionPolicy::kTinyLfu ? 2 * kPartsOfTinyLfu
                                                           : kPartsOfS3Fifo;
  const bool small =
      small_.oldest != kNoPlace &&
      (main_.oldest == kNoPlace || small_.bytes * parts >= bytes());
  return small ? small_ : main_;
}

void EvictionQueues::MoveToMain(Entry& entry) {
  Unlink(entry);
  entry.set_uses(entry.uses() | kInMain);
  Push(main_, entry);
}

void EvictionQueues::Age(Entry& entry) const {
  const int halvings = ((age_ - (entry.uses() & kAge)) & kAge) >> kAgeShift;
  if (halvings == 0) return;
  entry.set_uses(static_cast<uint8_t>((entry.uses() & kUses) >> halvings |
                                      (entry.uses() & kInMain) | age_));
}

Entry& EvictionQueues::LeastUsedOfMain(Keep keep) const {
  uint32_t place = main_.oldest;
  Entry* least = &order_[place];
  for (int i = 1; i < kRivalsMax; ++i) {
    place = links_[place].newer;
    if (place == kNoPlace) break;
    Entry& entry = order_[place];
    Age(entry);
    if ((entry.uses() & kUses) < (least->uses() & kUses) &&
        !keep(entry.key())) {
      least = &entry;
    }
  }
  return *least;
}

Entry* EvictionQueues::JudgeByTinyLfu(Entry& oldest, Keep keep) {
  Age(oldest);
  const int uses = oldest.uses() & kUses;
  if (uses < kUsesToStay) return &oldest;
  if ((oldest.uses() & kInMain) != 0) return &LeastUsedOfMain(keep);
  if (main_.bytes + oldest.bytes() <= bytes() - bytes() / kPartsOfTinyLfu) {
    MoveToMain(oldest);
    return nullptr;
  }
  for (int i = 0; i < kRivalsMax && main_.oldest != kNoPlace; ++i) {
    Entry& rival = order_[main_.oldest];
    if (keep(rival.key())) break;
    Age(rival);
    // `oldest` has room by that, and is moved when it is looked at again.
    if ((rival.uses() & kUses) < uses) return &rival;
    MakeNewest(rival);
  }
  return &oldest;
}

Entry* EvictionQueues::JudgeByS3Fifo(Entry& oldest) {
  const int uses = oldest.uses() & kUses;
  if ((oldest.uses() & kInMain) == 0) {
    if (uses < kUsesToStay) return &oldest;
    oldest.set_uses(0);
    MoveToMain(oldest);
  } else {
    if (uses == 0) return &oldest;
    oldest.set_uses(oldest.uses() - 1);
    MakeNewest(oldest);
  }
  return nullptr;
}

Entry* EvictionQueues::Next(Keep keep) {
  for (size_t moved = 0; moved < kReinsertionsMax; ++moved) {
    const Queue& queue = QueueToShorten();
    if (queue.oldest == kNoPlace) return nullptr;
    Entry& oldest = order_[queue.oldest];
    if (keep(oldest.key())) break;
    Entry* const leaving =
        policy_ == EvictionPolicy::kTinyLfu  ? JudgeByTinyLfu(oldest, keep)
        : policy_ == EvictionPolicy::kS3Fifo ? JudgeByS3Fifo(oldest)
                                             : &oldest;
    if (leaving != nullptr) return leaving;
  }
  const Queue& first = QueueToShorten();
  Entry* const entry = OldestOf(first, keep);
  if (entry != nullptr) return entry;
  return OldestOf(&first == &small_ ? main_ : small_, keep);
}

void EvictionQueues::PrefetchNext() const {
  Prefetch(QueueToShorten());
  if (policy_ == EvictionPolicy::kTinyLfu) Prefetch(main_);
}

void EvictionQueues::Prefetch(const Queue& queue) const {
  constexpr size_t kPrefetched = 16;
  std::array<uint32_t, kPrefetched> places;
  size_t count = 0;
  for (uint32_t place = queue.oldest; place != kNoPlace && count < kPrefetched;
       place = links_[place].newer) {
    order_.PrefetchPlace(place);
    places[count++] = place;
  }
  for (size_t i = 0; i < count; ++i) order_.PrefetchEntry(places[i]);
}

Entry* EvictionQueues::OldestOf(const Queue& queue, Keep keep) const {
  for (uint32_t place = queue.oldest; place != kNoPlace;
       place = links_[place].newer) {
    Entry& entry = order_[place];
    if (!keep(entry.key())) return &entry;
  }
  return nullptr;
}

void EvictionQueues::LeaveGhost(Entry& entry, uint32_t fingerprint) {
  if (policy_ == EvictionPolicy::kS3Fifo) {
    // One that leaves the main queue was seen enough.
    if ((entry.uses() & kInMain) == 0) ghosts_.Add(fingerprint);
    return;
  }
  if (policy_ != EvictionPolicy::kTinyLfu) return;
  Age(entry);
  frequencies_.Add(fingerprint, entry.uses() & kUses);
  const size_t left_per_age =
      ageing_.RemembersLong(role_) ? kLeftPerAgeLong : kLeftPerAgeShort;
  if (++left_ < left_per_age * order_.size()) return;
  left_ = 0;
  age_ = (age_ + (1 << kAgeShift)) & kAge;
  frequencies_.Age();
}

size_t EvictionQueues::HistoryBytes(size_t entries) const {
  switch (policy_) {
    case EvictionPolicy::kTinyLfu:
      return FrequencyTable::BytesOf(
          FrequencyTable::SetsFor(entries * kRememberedPerEntry));
    case EvictionPolicy::kS3Fifo:
      return GhostTable::BytesOf(GhostTable::SlotsFor(entries));
    default:
      return 0;
  }
}

void EvictionQueues::ResizeHistory(size_t entries) {
  if (policy_ == EvictionPolicy::kTinyLfu) {
    frequencies_.Resize(FrequencyTable::SetsFor(entries * kRememberedPerEntry));
  } else if (policy_ == EvictionPolicy::kS3Fifo) {
    ghosts_.Resize(GhostTable::SlotsFor(entries));
  }
}

}  // namespace latchkey
