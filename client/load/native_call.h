// NativeCall is a call of the native engine: what is sent, and the answer as
// far as it has come.
//
// Thread safety: belongs to its port's thread.

#ifndef LATCHKEY_CLIENT_LOAD_NATIVE_CALL_H_
#define LATCHKEY_CLIENT_LOAD_NATIVE_CALL_H_

#include <grpcpp/support/status.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "client/load/engine.h"

namespace latchkey::load {

// What a block of headers of an answer says, or all of them so far.
struct AnswerHeaders {
  // 0: nothing was said.
  int http_status = 0;
  // Not only gRPC's own.
  std::optional<int> status;
  std::string message;
  // google.rpc.Status in wire format.
  std::string details;
  Nanos pushback = 0;
  bool replayed = false;
};

struct NativeCall {
  // Of its port.
  size_t slot = 0;
  Method method = Method::kGet;
  // With its prefix.
  std::string request;
  // Copies that were sent before this one.
  int attempts_before = 0;

  // The session's: 0 where it has not been sent.
  uint32_t stream = 0;
  size_t sent_bytes = 0;
  // What the server takes of this stream, beyond what was sent.
  int64_t window = 0;

  AnswerHeaders answer;
  // With its prefix.
  std::string body;

  void Reset() {
    stream = 0;
    sent_bytes = 0;
    answer = {};
    body.clear();
  }
};

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_NATIVE_CALL_H_
