#include "server/store/eviction_queues.h"

namespace latchkey {
namespace {

// The part of the bytes that the small queue has.
constexpr size_t kSmallParts = 1;
constexpr size_t kAllParts = 10;

// How many ghosts there are for the entries that are here.
constexpr size_t GhostsOf(size_t entries) { return entries * 9 / 10; }

}  // namespace

void EvictionQueues::Add(Entry& entry, uint32_t fingerprint) {
  const bool main = policy_ != EvictionPolicy::kS3Fifo ||
                    ghosts_.Take(fingerprint, GhostsOf(order_.size()));
  entry.set_uses(main ? kInMain : 0);
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
  const bool small = small_.oldest != kNoPlace &&
                     (main_.oldest == kNoPlace ||
                      small_.bytes * kAllParts >= bytes() * kSmallParts);
  return small ? small_ : main_;
}

bool EvictionQueues::GivesWay(Entry& entry) {
  const uint8_t uses = entry.uses() & kUses;
  if ((entry.uses() & kInMain) == 0) {
    if (uses < kUsesToStay) return false;
    Unlink(entry);
    entry.set_uses(kInMain);
    Push(main_, entry);
    return true;
  }
  if (policy_ != EvictionPolicy::kS3Fifo || uses == 0) return false;
  entry.set_uses(entry.uses() - 1);
  MakeNewest(entry);
  return true;
}

Entry* EvictionQueues::Next(Keep keep) {
  for (size_t moved = 0; moved < kReinsertionsMax; ++moved) {
    const Queue& queue = QueueToShorten();
    if (queue.oldest == kNoPlace) return nullptr;
    Entry& oldest = order_[queue.oldest];
    if (keep(oldest.key())) break;
    if (!GivesWay(oldest)) return &oldest;
  }
  const Queue& first = QueueToShorten();
  Entry* const entry = OldestOf(first, keep);
  if (entry != nullptr) return entry;
  return OldestOf(&first == &small_ ? main_ : small_, keep);
}

void EvictionQueues::PrefetchNext() const {
  constexpr size_t kPrefetched = 16;
  std::array<uint32_t, kPrefetched> places;
  size_t count = 0;
  for (uint32_t place = QueueToShorten().oldest;
       place != kNoPlace && count < kPrefetched; place = links_[place].newer) {
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

void EvictionQueues::LeaveGhost(const Entry& entry, uint32_t fingerprint) {
  // One that leaves the main queue was seen enough.
  if ((entry.uses() & kInMain) == 0) ghosts_.Add(fingerprint);
}

}  // namespace latchkey
