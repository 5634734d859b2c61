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

void ExpiryIndex::Append(const Entry& entry) {
  const Time time = ToTime(entry.expire_time());
  times_.push_back(time);
  if (soonest_.size() < BlocksOf(times_.size())) soonest_.push_back(kNoTime);
  Store(entry.place(), time);
  expiring_ += time != kNoTime ? 1 : 0;
}

void ExpiryIndex::Set(const Entry& entry) {
  Remove(entry);
  const Time time = ToTime(entry.expire_time());
  Store(entry.place(), time);
  expiring_ += time != kNoTime ? 1 : 0;
}

void ExpiryIndex::Remove(const Entry& entry) {
  expiring_ -= times_[entry.place()] != kNoTime ? 1 : 0;
}

void ExpiryIndex::Move(const Entry& entry, uint32_t from) {
  Store(entry.place(), times_[from]);
}

void ExpiryIndex::Shrink() {
  times_.pop_back();
  soonest_.resize(BlocksOf(times_.size()));
}

void ExpiryIndex::Reserve(size_t entries) {
  times_.reserve(entries);
  soonest_.reserve(BlocksOf(entries));
}

size_t ExpiryIndex::Find(UnixNanos now, std::span<Entry*> found) {
  if (expiring_ == 0) return 0;
  // What is over nine years away stays so.
  const Time latest = std::min(ToTime(now), kTimeMax - 1);
  size_t count = 0;
  int patience = kPatience;
  // Each place once.
  for (size_t left = times_.size(); left > 0;) {
    if (next_ >= times_.size()) next_ = 0;
    const size_t block = next_ / kBlock;
    const size_t block_end = std::min((block + 1) * kBlock, times_.size());
    const size_t end = std::min(block_end, next_ + left);
    left -= end - next_;
    if (soonest_[block] > latest) {
      next_ = end;
      continue;
    }
    for (; next_ < end; ++next_) {
      if (times_[next_] > latest) continue;
      if (count == found.size() || patience <= 0) return count;
      Entry& entry = order_[static_cast<uint32_t>(next_)];
      if (entry.expire_time() <= now) {
        found[count++] = &entry;
      } else {
        --patience;
      }
    }
    patience -= kBlockPatience;
    if (next_ < block_end) continue;
    soonest_[block] = *std::min_element(
        times_.begin() + static_cast<ptrdiff_t>(block * kBlock),
        times_.begin() + static_cast<ptrdiff_t>(block_end));
  }
  return count;
}

}  // namespace latchkey
