#include "server/store/expiry_index.h"

#include <algorithm>

namespace latchkey {

ExpiryIndex::Time ExpiryIndex::ToTime(UnixNanos expire_time) const {
  if (expire_time == kNever) return kNoTime;
  const UnixNanos units = (std::max(expire_time, start_) - start_) / kUnit;
  return static_cast<Time>(std::min(units, UnixNanos{kTimeMax}));
}

void ExpiryIndex::Store(uint32_t place, Time time) {
  times_[place] = time;
  Time& soonest = soonest_[place / kBlock];
  soonest = std::min(soonest, time);
}

void ExpiryIndex::Add(const Entry& entry) {
  const Time time = ToTime(entry.expire_time());
  Store(entry.place(), time);
  expiring_ += time != kNoTime ? 1 : 0;
}

void ExpiryIndex::Set(const Entry& entry) {
  Remove(entry);
  Add(entry);
}

void ExpiryIndex::Remove(const Entry& entry) {
  Time& time = times_[entry.place()];
  expiring_ -= time != kNoTime ? 1 : 0;
  time = kNoTime;
}

void ExpiryIndex::Reserve(size_t entries) {
  times_.Reserve(entries);
  soonest_.Reserve(BlocksOf(entries));
}

void ExpiryIndex::PrefetchDue(Time latest, size_t end) const {
  for (size_t i = next_; i < std::min(end, next_ + kPrefetched); ++i) {
    if (times_[i] > latest) continue;
    order_.PrefetchEntry(static_cast<uint32_t>(i));
  }
}

size_t ExpiryIndex::Find(UnixNanos now, std::span<Entry*> found) {
  if (expiring_ == 0) return 0;
  // What is over nine years away stays so.
  const Time latest = std::min(ToTime(now), kTimeMax - 1);
  size_t count = 0;
  int patience = kPatience;
  // Each place once.
  const size_t places = order_.end();
  for (size_t left = places; left > 0;) {
    if (next_ >= places) next_ = 0;
    const size_t block = next_ / kBlock;
    const size_t block_end = std::min((block + 1) * kBlock, places);
    const size_t end = std::min(block_end, next_ + left);
    left -= end - next_;
    if (soonest_[block] > latest) {
      next_ = end;
      continue;
    }
    for (; next_ < end; ++next_) {
      if (times_[next_] > latest) continue;
      if (count == found.size() || patience <= 0) {
        PrefetchDue(latest, block_end);
        return count;
      }
      Entry& entry = order_[static_cast<uint32_t>(next_)];
      if (entry.expire_time() <= now) {
        found[count++] = &entry;
      } else {
        --patience;
      }
    }
    patience -= kBlockPatience;
    if (next_ < block_end) continue;
    const std::span<const Time> times = times_.ChunkAt(block * kBlock);
    soonest_[block] = *std::min_element(times.begin(), times.end());
  }
  return count;
}

}  // namespace latchkey
