// MessageReader takes gRPC's messages out of a stream of bytes that comes in
// pieces of any size.  A message on the wire is one byte that says whether it
// is compressed, its size in four bytes, the most significant first, and its
// bytes.  WriteMessagePrefix() makes the first five.
//
// A size over the limit is refused before anything is kept of the message, and
// memory grows with the bytes that came, not with the size that was announced.
//
// Thread safety: an instance belongs to one thread.
//
// Example:
//   MessageReader reader(4 * 1024 * 1024);
//   std::string_view input = ...;
//   while (reader.Read(&input) == MessageReader::Result::kMessage) {
//     Use(reader.message());
//   }

#ifndef LATCHKEY_PROTO_WIRE_MESSAGE_READER_H_
#define LATCHKEY_PROTO_WIRE_MESSAGE_READER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace latchkey::wire {

// The flag and the size of a message.
inline constexpr size_t kMessagePrefixBytes = 5;

// Writes the prefix of a message that is not compressed to
// `prefix`[0 .. kMessagePrefixBytes).
void WriteMessagePrefix(uint32_t message_bytes, char* prefix);

class MessageReader {
 public:
  enum class Result {
    // The input is used up, and no message is complete.
    kNeedMore,
    // message() is complete; the input may hold more of them.
    kMessage,
    // The announced size is over the limit.  Nothing can be read after this.
    kTooLarge,
    // The flag is neither 0 nor 1.  Nothing can be read after this.
    kBadFlag,
  };

  // `message_bytes_max` is the largest message, as it is on the wire.
  explicit MessageReader(size_t message_bytes_max)
      : message_bytes_max_(message_bytes_max) {}

  // Takes bytes from the front of `*input`, up to the end of one message.
  Result Read(std::string_view* input);

  // The message that was completed last; lives until the next Read().
  //
  // REQUIRES: the last Read() returned kMessage.
  std::string_view message() const { return message_; }
  bool compressed() const { return prefix_[0] != 0; }

  // Whether the bytes so far end inside a message.
  bool in_message() const { return prefix_bytes_ != 0 && !complete_; }

  // Memory held for messages.
  size_t buffered_bytes() const { return message_.size(); }

  // Forgets what was read; keeps the memory, up to `keep_bytes_max` of it.
  void Reset(size_t keep_bytes_max);

 private:
  const size_t message_bytes_max_;

  char prefix_[kMessagePrefixBytes] = {};
  size_t prefix_bytes_ = 0;
  // As announced by the prefix, once that is whole.
  size_t message_bytes_ = 0;
  bool complete_ = false;
  std::string message_;
};

}  // namespace latchkey::wire

#endif  // LATCHKEY_PROTO_WIRE_MESSAGE_READER_H_
