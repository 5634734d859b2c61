// From the bytes of a request to its message, and the memory that both a
// request and its response live in.
//
// Example:
//   RequestArena arena;
//   absl::StatusOr<v1::GetRequest*> request =
//       ParseRequest<v1::GetRequest>(bytes, arena);

#ifndef LATCHKEY_SERVER_SERVICE_REQUEST_PARSING_H_
#define LATCHKEY_SERVER_SERVICE_REQUEST_PARSING_H_

#include <cstddef>
#include <string_view>

#include "absl/status/statusor.h"
#include "google/protobuf/arena.h"
#include "google/protobuf/message.h"

namespace latchkey {

// Owns the messages of one request.  Those of a point operation fit into the
// object itself, which lives on the stack of the handler.
//
// Thread safety: belongs to one thread.
class RequestArena {
 public:
  RequestArena() : arena_(MakeOptions()) {}

  RequestArena(const RequestArena&) = delete;
  RequestArena& operator=(const RequestArena&) = delete;

  // A new, empty message.
  template <typename Message>
  Message* Make() {
    return google::protobuf::Arena::CreateMessage<Message>(&arena_);
  }

 private:
  google::protobuf::ArenaOptions MakeOptions() {
    google::protobuf::ArenaOptions options;
    options.initial_block = block_;
    options.initial_block_size = sizeof(block_);
    return options;
  }

  // A GetRequest and its answer take about 600 bytes.
  alignas(std::max_align_t) char block_[2048];
  google::protobuf::Arena arena_;
};

// INVALID_ARGUMENT, INVALID_FIELD of "request".
absl::Status UndecodableRequestError(std::string_view message_name);

// The message that `bytes` are, or UndecodableRequestError().
template <typename Message>
absl::StatusOr<Message*> ParseRequest(std::string_view bytes,
                                      RequestArena& arena) {
  Message* message = arena.Make<Message>();
  if (!message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return UndecodableRequestError(Message::descriptor()->full_name());
  }
  return message;
}

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SERVICE_REQUEST_PARSING_H_
