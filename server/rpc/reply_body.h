// ReplyBody is the response of a call on its way to a transport, which asks for
// its size and then lets it write itself where the answer is put together.
//
// Thread safety: a value; what it refers to must outlive it.

#ifndef LATCHKEY_SERVER_RPC_REPLY_BODY_H_
#define LATCHKEY_SERVER_RPC_REPLY_BODY_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "google/protobuf/message_lite.h"
#include "server/rpc/large_reply.h"

namespace latchkey {

class ReplyBody {
 public:
  // A message.  Not to be changed until the body was written.
  static ReplyBody Of(const google::protobuf::MessageLite& message) {
    return ReplyBody(message.ByteSizeLong(), &message,
                     [](const void* object, char* out) {
                       static_cast<const google::protobuf::MessageLite*>(object)
                           ->SerializeWithCachedSizesToArray(
                               reinterpret_cast<uint8_t*>(out));
                     });
  }

  // What has a `size_t size() const` and a `void WriteTo(char* out) const` that
  // writes as many bytes.
  template <typename Encoder>
  static ReplyBody Encoded(const Encoder& encoder) {
    return ReplyBody(encoder.size(), &encoder,
                     [](const void* object, char* out) {
                       static_cast<const Encoder*>(object)->WriteTo(out);
                     });
  }

  static ReplyBody Of(const LargeReply& large) {
    ReplyBody body = Encoded(large);
    body.large_ = &large;
    return body;
  }

  size_t size() const { return size_; }

  // Where the body is one; else nullptr.
  const LargeReply* large() const { return large_; }

  // Writes size() bytes to `out`.
  void WriteTo(char* out) const { write_(object_, out); }

  std::string ToString() const {
    std::string text(size_, '\0');
    WriteTo(text.data());
    return text;
  }

 private:
  using Write = void (*)(const void* object, char* out);

  ReplyBody(size_t size, const void* object, Write write)
      : size_(size), object_(object), write_(write) {}

  size_t size_;
  const void* object_;
  Write write_;
  const LargeReply* large_ = nullptr;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_REPLY_BODY_H_
