// LargeReply is an encoded response most of which is one value that somebody
// else owns: a transport may send those bytes from where they are.
//
// Thread safety: a value; its bytes never change, and live as long as `owner`.

#ifndef LATCHKEY_SERVER_RPC_LARGE_REPLY_H_
#define LATCHKEY_SERVER_RPC_LARGE_REPLY_H_

#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

namespace latchkey {

struct LargeReply {
  // What comes before and after the bytes.
  std::string head;
  std::string tail;
  std::string_view bytes;
  std::shared_ptr<const void> owner;

  size_t size() const { return head.size() + bytes.size() + tail.size(); }

  void WriteTo(char* out) const {
    std::memcpy(out, head.data(), head.size());
    out += head.size();
    std::memcpy(out, bytes.data(), bytes.size());
    std::memcpy(out + bytes.size(), tail.data(), tail.size());
  }
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_LARGE_REPLY_H_
