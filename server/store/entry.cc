#include "server/store/entry.h"

#include <cstring>
#include <new>

#include "server/base/check.h"
#include "server/store/memory_budget.h"

namespace latchkey {

Entry::Entry(std::string_view key, std::string_view value, uint32_t flags,
             UnixNanos expire_time, uint8_t budget)
    : expire_time_(expire_time),
      value_size_(static_cast<uint32_t>(value.size())),
      budget_(budget),
      key_size_(static_cast<uint16_t>(key.size())),
      has_flags_(flags != 0) {
  char* out = data();
  std::memcpy(out, &flags, flags_size());
  out += flags_size();
  std::memcpy(out, key.data(), key.size());
  if (!value.empty()) {
    std::memcpy(out + key.size(), value.data(), value.size());
  }
}

EntryRef Entry::Make(std::string_view key, std::string_view value,
                     uint32_t flags, UnixNanos expire_time, MemoryRoom* room) {
  LATCHKEY_CHECK(
      key.size() <= UINT16_MAX && value.size() >> kValueSizeBits == 0,
      "the edge refuses keys and values over their limits");
  if (room != nullptr) room->Spend(BytesOf(key, value, flags));
  const uint8_t budget = room == nullptr ? uint8_t{0} : room->budget().id();
  const size_t flags_size = flags != 0 ? sizeof(flags) : 0;
  void* memory =
      ::operator new(sizeof(Entry) + flags_size + key.size() + value.size());
  return EntryRef(new (memory) Entry(key, value, flags, expire_time, budget));
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
