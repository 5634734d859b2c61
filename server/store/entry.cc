#include "server/store/entry.h"

#include <cstring>
#include <new>

#include "server/base/check.h"
#include "server/store/memory_budget.h"

namespace latchkey {

Entry::Entry(std::string_view key, std::string_view value, uint32_t flags,
             UnixNanos expire_time, uint8_t budget, uint32_t owner)
    : expire_time_(expire_time),
      value_size_(static_cast<uint32_t>(value.size())),
      budget_(budget),
      key_size_(static_cast<uint16_t>(key.size())),
      extra_size_(
          static_cast<uint8_t>(ExtraSize(flags != 0, owner != kNoAccount))) {
  if (extra_size_ != 0) std::memcpy(data(), &flags, kNumberSize);
  if (extra_size_ == kExtraSizeMax) {
    std::memcpy(data() + kNumberSize, &owner, kNumberSize);
  }
  char* const out = data() + extra_size_;
  std::memcpy(out, key.data(), key.size());
  if (!value.empty()) {
    std::memcpy(out + key.size(), value.data(), value.size());
  }
}

EntryRef Entry::Make(std::string_view key, std::string_view value,
                     uint32_t flags, UnixNanos expire_time, MemoryRoom* room,
                     uint32_t owner) {
  LATCHKEY_CHECK(
      key.size() <= UINT16_MAX && value.size() >> kValueSizeBits == 0,
      "the edge refuses keys and values over their limits");
  const size_t extra_size = ExtraSize(flags != 0, owner != kNoAccount);
  const size_t size = key.size() + value.size();
  if (room != nullptr) room->Spend(BytesOf(size, extra_size));
  const uint8_t budget = room == nullptr ? uint8_t{0} : room->budget().id();
  void* memory = ::operator new(sizeof(Entry) + extra_size + size);
  return EntryRef(new (memory)
                      Entry(key, value, flags, expire_time, budget, owner));
}

void Entry::Destroy(Entry* entry) {
  MemoryBudget* const budget = MemoryBudget::Of(entry->budget_);
  const size_t bytes = entry->bytes();
  entry->~Entry();
  ::operator delete(entry);
  // After: what was given back can be taken at once.
  if (budget != nullptr) budget->Give(bytes);
}

}  // namespace latchkey
