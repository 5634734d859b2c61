// Entry is one key with its value, in one allocation.
//
//   | version 8 | expire_time 8 | references 4 | place 4 | value size 3 |
//   budget 1 | key size 2 | extra size 1 | uses 1 |
//   flags 4 or 0 | owner 4 or 0 | key | value |
//
// Key, value and flags never change.  Version is set once, by the commit that
// publishes the entry.  Of a published entry only the expiry, the place, the
// uses and the owner change, and only under the mutex of its shard; whoever
// reads the expiry without that mutex reads a copy that was made under it
// (EntryView).
//
// Thread safety: an EntryRef belongs to one thread; different references to one
// entry may be used and dropped by different threads.  A reader that got its
// reference under the shard's mutex sees the version by that mutex.

#ifndef LATCHKEY_SERVER_STORE_ENTRY_H_
#define LATCHKEY_SERVER_STORE_ENTRY_H_

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "server/access/principal_account.h"
#include "server/base/clock.h"

namespace latchkey {

class EntryRef;
class MemoryRoom;

class Entry {
 public:
  // Makes an entry that is not published yet, with no version.  `room` pays for
  // it; its budget gets that back when the entry is destroyed.  Without one
  // the entry is not counted.  `owner` is whose bytes it counts among.
  //
  // REQUIRES: the key is at most 65,535 bytes, the value less than 16 MiB; the
  // room has BytesOf(key, value, flags, owner).
  static EntryRef Make(std::string_view key, std::string_view value,
                       uint32_t flags, UnixNanos expire_time,
                       MemoryRoom* room = nullptr, uint32_t owner = kNoAccount);

  // What flags and owner take at most.
  static constexpr size_t kNumberSize = sizeof(uint32_t);
  static constexpr size_t kExtraSizeMax = 2 * kNumberSize;

  // What the allocator takes for `bytes`, as of jemalloc: in steps of 16 up to
  // 128, and then in four steps for each power of two.  Over 16 KiB only the
  // pages that are written to count.
  static constexpr size_t AllocatedBytes(size_t bytes) {
    const size_t step =
        bytes <= 128
            ? 16
            : std::min(size_t{1} << (std::bit_width(bytes - 1) - 3), kPage);
    return (bytes + step - 1) / step * step;
  }

  // The memory that an entry takes, with what the allocator adds.
  static size_t BytesOf(std::string_view key, std::string_view value,
                        uint32_t flags, uint32_t owner = kNoAccount) {
    return BytesOf(key.size(), value.size(), flags != 0, owner != kNoAccount);
  }
  static size_t BytesOf(size_t key_size, size_t value_size, bool has_flags,
                        bool has_owner = false) {
    return BytesOf(key_size + value_size, ExtraSize(has_flags, has_owner));
  }

  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

  std::string_view key() const { return {data() + extra_size_, key_size_}; }
  std::string_view value() const {
    return {data() + extra_size_ + key_size_, value_size_};
  }
  uint32_t flags() const { return extra_size_ == 0 ? 0 : Read(data()); }
  uint64_t version() const { return version_; }
  size_t bytes() const {
    return BytesOf(size_t{key_size_} + value_size_, extra_size_);
  }

  // The number of the account among whose bytes it counts (AccountTable).  The
  // mutex of the entry's shard guards it.
  uint32_t owner() const {
    return extra_size_ == kExtraSizeMax ? Read(data() + kNumberSize)
                                        : kNoAccount;
  }
  // It does not count any more.  REQUIRES: it has an owner.
  void ClearOwner() { std::memset(data() + kNumberSize, 0, kNumberSize); }

  // The mutex of the entry's shard guards the expiry of a published entry.
  UnixNanos expire_time() const { return expire_time_; }
  void set_expire_time(UnixNanos expire_time) { expire_time_ = expire_time; }

  // Where the entry stands in its shard's EntryOrder, which sets it.
  uint32_t place() const { return place_; }

  // What its shard's EvictionQueues remember of the entry.
  uint8_t uses() const { return uses_; }
  void set_uses(uint8_t uses) { uses_ = uses; }

  // REQUIRES: the entry is not published yet.
  void set_version(uint64_t version) { version_ = version; }

 private:
  friend class EntryOrder;
  friend class EntryRef;

  Entry(std::string_view key, std::string_view value, uint32_t flags,
        UnixNanos expire_time, uint8_t budget, uint32_t owner);
  ~Entry() = default;

  static constexpr size_t kPage = 4'096;
  static constexpr size_t kValueSizeBits = 24;

  // What stands before the key: nothing for most entries, or the flags, or
  // flags and owner.
  static constexpr size_t ExtraSize(bool has_flags, bool has_owner) {
    return has_owner ? kExtraSizeMax : has_flags ? kNumberSize : 0;
  }
  static size_t BytesOf(size_t key_and_value_size, size_t extra_size);

  static uint32_t Read(const char* data) {
    uint32_t number = 0;
    std::memcpy(&number, data, sizeof(number));
    return number;
  }
  const char* data() const { return reinterpret_cast<const char*>(this + 1); }
  char* data() { return reinterpret_cast<char*>(this + 1); }

  static void Destroy(Entry* entry);

  uint64_t version_ = 0;
  UnixNanos expire_time_;
  // The last to let go destroys: its decrement acquires what every other owner
  // did before its own, which releases.
  mutable std::atomic<uint32_t> references_ = 0;
  uint32_t place_ = 0;
  const uint32_t value_size_ : kValueSizeBits;
  // MemoryBudget::id().
  const uint32_t budget_ : 8;
  const uint16_t key_size_;
  const uint8_t extra_size_;
  uint8_t uses_ = 0;
};

static_assert(sizeof(Entry) == 32,
              "what is extra and the key follow the header");

inline size_t Entry::BytesOf(size_t key_and_value_size, size_t extra_size) {
  return AllocatedBytes(sizeof(Entry) + extra_size + key_and_value_size);
}

// A counted reference to an entry, or null.
class EntryRef {
 public:
  EntryRef() = default;
  explicit EntryRef(Entry* entry) : entry_(entry) {
    if (entry_ != nullptr) {
      entry_->references_.fetch_add(1, std::memory_order_relaxed);
    }
  }
  EntryRef(const EntryRef& other) : EntryRef(other.entry_) {}
  EntryRef(EntryRef&& other) noexcept
      : entry_(std::exchange(other.entry_, nullptr)) {}
  EntryRef& operator=(EntryRef other) noexcept {
    std::swap(entry_, other.entry_);
    return *this;
  }
  ~EntryRef() {
    if (entry_ != nullptr &&
        entry_->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      Entry::Destroy(entry_);
    }
  }

  // The reference that Release() gave up.
  static EntryRef Adopt(Entry* entry) {
    EntryRef adopted;
    adopted.entry_ = entry;
    return adopted;
  }

  // Gives the reference up: who has the pointer owns it.
  Entry* Release() { return std::exchange(entry_, nullptr); }

  Entry* get() const { return entry_; }
  Entry& operator*() const { return *entry_; }
  Entry* operator->() const { return entry_; }
  explicit operator bool() const { return entry_ != nullptr; }

 private:
  Entry* entry_ = nullptr;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_ENTRY_H_
