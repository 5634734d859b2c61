// HeaderBlocks remembers what recent header blocks of a connection said.  A
// peer writes the headers of its calls, or of its answers, into HPACK's dynamic
// table (RFC 7541) with the first one; from then on it sends, call after call,
// the same few bytes, which need not be decoded again.
//
// A block means the same as long as the dynamic table does not change.  So only
// blocks that do not change the table are remembered, and one that might change
// it makes all be forgotten.  Nothing is decoded here: what a block says comes
// from nghttp2.
//
// Thread safety: an instance belongs to one thread; the functions share no
// state.

#ifndef LATCHKEY_PROTO_WIRE_HEADER_BLOCKS_H_
#define LATCHKEY_PROTO_WIRE_HEADER_BLOCKS_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace latchkey::wire {

// The longest block that is remembered: indexes of some tens of headers, or
// the headers themselves of a peer that uses no table.
inline constexpr size_t kHeaderBlockBytesMax = 256;

// Whether `block` leaves HPACK's table as it is: nothing is added, and its size
// is not set.
bool KeepsTable(std::string_view block);

// Whether they are equal, in a time that only their size decides: a block may
// hold a token, which another caller behind the same proxy must not find out
// byte by byte.
bool AreEqualBlocks(std::string_view a, std::string_view b);

// `Meaning` is what a block says.
template <typename Meaning>
class HeaderBlocks {
 public:
  // What `block` says, or nullptr.  Lives until the next Learn() or Clear().
  const Meaning* Find(std::string_view block) const {
    for (const Known& known : known_) {
      if (AreEqualBlocks(known.block, block)) return &known.meaning;
    }
    return nullptr;
  }

  // `block` says `meaning`.  The block that was learnt first is forgotten where
  // there are too many.
  //
  // REQUIRES: KeepsTable(block), and it is not known.
  void Learn(std::string_view block, Meaning meaning) {
    if (known_.size() < kBlocksMax) {
      known_.push_back({std::string(block), std::move(meaning)});
      return;
    }
    known_[oldest_] = {std::string(block), std::move(meaning)};
    oldest_ = (oldest_ + 1) % kBlocksMax;
  }

  // The table may have changed.
  void Clear() {
    known_.clear();
    oldest_ = 0;
  }

 private:
  // Methods that one client calls in turn: a handful.
  static constexpr size_t kBlocksMax = 6;

  struct Known {
    std::string block;
    Meaning meaning;
  };

  std::vector<Known> known_;
  // Which one the next replaces.
  size_t oldest_ = 0;
};

}  // namespace latchkey::wire

#endif  // LATCHKEY_PROTO_WIRE_HEADER_BLOCKS_H_
