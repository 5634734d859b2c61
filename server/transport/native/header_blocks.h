// HeaderBlocks remembers what recent header blocks of a connection said.  A
// client writes the headers of its calls into HPACK's dynamic table (RFC 7541)
// with the first one; from then on it sends, call after call, the same few
// bytes, which need not be decoded again.
//
// A block means the same as long as the dynamic table does not change.  So only
// blocks that do not change the table are remembered, and one that might change
// it makes all be forgotten.  Nothing is decoded here: what a block says comes
// from nghttp2.
//
// Thread safety: an instance belongs to one thread.

#ifndef LATCHKEY_SERVER_TRANSPORT_NATIVE_HEADER_BLOCKS_H_
#define LATCHKEY_SERVER_TRANSPORT_NATIVE_HEADER_BLOCKS_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "server/access/token_keeper.h"
#include "server/transport/native/request_headers.h"

namespace latchkey {

struct Method;

class HeaderBlocks {
 public:
  // What a block says: the headers, the method of their path, and who sends
  // them, where that was asked.
  struct Meaning {
    RequestHeaders headers;
    const Method* method;
    Caller caller = {};
  };

  // The longest block that is remembered: indexes of some tens of headers, or
  // the headers themselves of a client that uses no table.
  static constexpr size_t kBlockBytesMax = 256;

  // Whether `block` leaves HPACK's table as it is: nothing is added, and its
  // size is not set.
  static bool KeepsTable(std::string_view block);

  // What `block` says, or nullptr.  Lives until the next Learn() or Clear().
  const Meaning* Find(std::string_view block) const;

  // `block` says `meaning`.  The block that was learnt first is forgotten where
  // there are too many.
  //
  // REQUIRES: KeepsTable(block), and it is not known.
  void Learn(std::string_view block, Meaning meaning);

  // The table may have changed.
  void Clear();

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

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_TRANSPORT_NATIVE_HEADER_BLOCKS_H_
