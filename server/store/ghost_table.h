// GhostTable remembers by a 32-bit fingerprint each which entries left a shard
// not long ago, and nothing else of them.
//
// A ghost is forgotten by being overwritten or by its age, which is counted in
// ghosts that came after it.  The table is sets of eight, each a cache line; a
// set that is full loses its oldest ghost, which costs a few of them their last
// moments.
//
// Thread safety: the shard's mutex guards it.

#ifndef LATCHKEY_SERVER_STORE_GHOST_TABLE_H_
#define LATCHKEY_SERVER_STORE_GHOST_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace latchkey {

class GhostTable {
 public:
  GhostTable() = default;

  GhostTable(const GhostTable&) = delete;
  GhostTable& operator=(const GhostTable&) = delete;

  // What a table of `slots` takes.
  static size_t BytesOf(size_t slots) { return slots * sizeof(Ghost); }

  // The slots of a table for so many ghosts: a quarter more at most, so that a
  // table that grows is seldom made anew.
  static size_t SlotsFor(size_t ghosts);

  size_t slots() const { return ghosts_.size(); }

  // Makes the table one of `slots`, a multiple of eight, and keeps what is in
  // it; a large one forgets that, as nobody is to wait for it.
  void Resize(size_t slots);

  // REQUIRES: slots() > 0.
  void Add(uint32_t fingerprint);

  // Whether `fingerprint` is of one of the last `window` ghosts; it is none any
  // more.
  bool Take(uint32_t fingerprint, size_t window);

 private:
  struct Ghost {
    uint32_t fingerprint;
    uint32_t time;
  };
  static constexpr size_t kSet = 8;
  static constexpr size_t kKeptMax = 65'536;

  // The set of `fingerprint`.
  Ghost* SetOf(uint32_t fingerprint) {
    // Mixed, so that it does not follow the hash table's order.
    const uint32_t mixed = fingerprint * 0x9e3779b1u;
    return &ghosts_[(mixed >> 3) % (ghosts_.size() / kSet) * kSet];
  }
  void Insert(const Ghost& ghost);
  uint32_t AgeOf(const Ghost& ghost) const { return now_ - ghost.time; }

  // Ghosts so far; wraps round.
  uint32_t now_ = 0;
  std::vector<Ghost> ghosts_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_GHOST_TABLE_H_
