#include "server/store/frequency_table.h"

#include <algorithm>
#include <bit>

namespace latchkey {

size_t FrequencyTable::SetsFor(size_t keys) {
  constexpr size_t kSteps = 8;
  const size_t sets = (keys + kSlots - 1) / kSlots;
  const size_t step = std::max<size_t>(1, std::bit_floor(sets) / kSteps);
  return (sets + step - 1) / step * step;
}

FrequencyTable::Set& FrequencyTable::SetOf(uint32_t fingerprint) {
  Set& set = sets_[IndexOf(fingerprint)];
  const unsigned halvings = (age_ - set.age) % kAges;
  if (halvings == 0) return set;
  set.age = static_cast<uint8_t>(age_);
  for (Slot& slot : set.slots) {
    const Slot count = static_cast<Slot>((slot & kCount) >> halvings);
    slot = count == 0 ? Slot{0} : static_cast<Slot>((slot & ~kCount) | count);
  }
  return set;
}

FrequencyTable::Slot* FrequencyTable::Find(Set& set, uint32_t fingerprint) {
  const Slot tag = TagOf(fingerprint);
  for (Slot& slot : set.slots) {
    if ((slot & ~kCount) == tag && (slot & kCount) != 0) return &slot;
  }
  return nullptr;
}

void FrequencyTable::Add(uint32_t fingerprint, unsigned count) {
  if (sets_.empty() || count == 0) return;
  Set& set = SetOf(fingerprint);
  Slot* slot = Find(set, fingerprint);
  if (slot == nullptr) {
    slot = &set.slots[set.next];
    for (size_t i = 1; i < kSlots && (*slot & kCount) != 0; ++i) {
      Slot& other = set.slots[(set.next + i) % kSlots];
      if ((other & kCount) < (*slot & kCount)) slot = &other;
    }
    set.next = static_cast<uint8_t>((slot - set.slots.data() + 1) % kSlots);
  }
  *slot = static_cast<Slot>(TagOf(fingerprint) | std::min(count, kCountMax));
}

unsigned FrequencyTable::Take(uint32_t fingerprint) {
  if (sets_.empty()) return 0;
  Slot* const slot = Find(SetOf(fingerprint), fingerprint);
  if (slot == nullptr) return 0;
  const unsigned count = *slot & kCount;
  *slot = 0;
  return count;
}

}  // namespace latchkey
