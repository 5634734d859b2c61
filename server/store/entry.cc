#include "server/store/entry.h"

#include <cstring>
#include <new>

#include "server/base/check.h"

namespace latchkey {

Entry::Entry(std::string_view key, std::string_view value, uint32_t flags,
             UnixNanos expire_time)
    : expire_time_(expire_time),
      flags_(flags),
      value_size_(static_cast<uint32_t>(value.size())),
      key_size_(static_cast<uint16_t>(key.size())) {
  std::memcpy(bytes(), key.data(), key.size());
  if (!value.empty()) {
    std::memcpy(bytes() + key.size(), value.data(), value.size());
  }
}

EntryRef Entry::Make(std::string_view key, std::string_view value,
                     uint32_t flags, UnixNanos expire_time) {
  LATCHKEY_CHECK(key.size() <= UINT16_MAX && value.size() <= UINT32_MAX,
                 "the edge refuses keys and values over their limits");
  void* memory = ::operator new(sizeof(Entry) + key.size() + value.size());
  return EntryRef(new (memory) Entry(key, value, flags, expire_time));
}

void Entry::Destroy(Entry* entry) {
  entry->~Entry();
  ::operator delete(entry);
}

}  // namespace latchkey
