#include "server/store/entry_order.h"

#include <utility>

#include "server/base/check.h"

namespace latchkey {

EntryOrder::~EntryOrder() {
  for (uint32_t place = 0; place < end_; ++place) {
    if (!IsEmpty(slots_[place])) EntryRef::Adopt(&(*this)[place]);
  }
}

void EntryOrder::Set(uint32_t place, EntryRef entry) {
  entry->place_ = place;
  slots_[place] = reinterpret_cast<Slot>(entry.Release());
}

Entry& EntryOrder::Append(EntryRef entry) {
  const uint32_t place = next_place();
  LATCHKEY_CHECK(place < slots_.capacity(),
                 "an order grows before its entries");
  if (place == end_) {
    ++end_;
  } else {
    free_ = static_cast<uint32_t>(slots_[place] >> 1);
  }
  ++size_;
  Set(place, std::move(entry));
  return (*this)[place];
}

EntryRef EntryOrder::Replace(const Entry& replaced, EntryRef entry) {
  const uint32_t place = replaced.place_;
  EntryRef before = EntryRef::Adopt(&(*this)[place]);
  Set(place, std::move(entry));
  return before;
}

EntryRef EntryOrder::Remove(const Entry& entry) {
  const uint32_t place = entry.place_;
  EntryRef removed = EntryRef::Adopt(&(*this)[place]);
  slots_[place] = EmptySlot(free_);
  free_ = place;
  --size_;
  return removed;
}

}  // namespace latchkey
