// FrequencyTable remembers how often keys were used that left a shard, or came
// to it and did not stay.
//
// A key is a fingerprint of 12 bits with a count of up to 15, two bytes, in a
// set of 31 that are a cache line; a key that was never seen is taken for
// another in less than 1 % of cases.  A set that is full forgets the one that
// was used least, of several the oldest.  So the table holds what is used often
// for long, and what came once until as many others have come.
//
// Age() halves all counts, as TinyLFU does, so that what was popular once does
// not stay so.  A set does it when it is next looked at: nothing waits for a
// pass over the table.
//
// Thread safety: the shard's mutex guards it.

#ifndef LATCHKEY_SERVER_STORE_FREQUENCY_TABLE_H_
#define LATCHKEY_SERVER_STORE_FREQUENCY_TABLE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace latchkey {

class FrequencyTable {
 public:
  static constexpr unsigned kCountMax = 15;

  FrequencyTable() = default;

  FrequencyTable(const FrequencyTable&) = delete;
  FrequencyTable& operator=(const FrequencyTable&) = delete;

  // What a table of `sets` takes.
  static size_t BytesOf(size_t sets) { return sets * sizeof(Set); }

  // The sets of a table for `keys`: an eighth more at most, so that a table
  // that grows is seldom made anew.
  static size_t SetsFor(size_t keys);

  size_t sets() const { return sets_.size(); }

  // Makes the table one of `sets`, which has forgotten everything.
  void Resize(size_t sets) { sets_ = std::vector<Set>(sets); }

  // The key of `fingerprint` is no longer here, and was used `count` times.
  void Add(uint32_t fingerprint, unsigned count);

  // How often the key was used; it is forgotten.
  unsigned Take(uint32_t fingerprint);

  void Age() { age_ = (age_ + 1) % kAges; }

  void Prefetch(uint32_t fingerprint) const {
    if (!sets_.empty()) __builtin_prefetch(&sets_[IndexOf(fingerprint)], 1);
  }

 private:
  // A fingerprint over a count; without one nothing is there.
  using Slot = uint16_t;
  static constexpr unsigned kCountBits = 4;
  static constexpr Slot kCount = kCountMax;
  static constexpr unsigned kAges = 16;
  static constexpr size_t kSlots = 31;

  struct alignas(64) Set {
    // Of the table, when the set was last looked at.
    uint8_t age = 0;
    // Where the oldest may be.
    uint8_t next = 0;
    std::array<Slot, kSlots> slots = {};
  };
  static_assert(sizeof(Set) == 64);

  // Mixed, so that it does not follow the hash table's order.
  size_t IndexOf(uint32_t fingerprint) const {
    const uint32_t mixed = fingerprint * 0x9e3779b1u;
    return mixed * uint64_t{sets_.size()} >> 32;
  }
  // As a slot, without a count.
  static Slot TagOf(uint32_t fingerprint) {
    return static_cast<Slot>(fingerprint << kCountBits);
  }

  // The set of `fingerprint`, with its counts as they are now.
  //
  // REQUIRES: there are sets.
  Set& SetOf(uint32_t fingerprint);

  // The slot of `fingerprint` in `set`, or nullptr.
  static Slot* Find(Set& set, uint32_t fingerprint);

  unsigned age_ = 0;
  std::vector<Set> sets_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_FREQUENCY_TABLE_H_
