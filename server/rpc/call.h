// Call is one RPC as a handler sees it, whichever transport carries it: who
// asks, until when, and the way to answer.
//
// Rules:
//   1. A handler finishes its call exactly once, also when it was cancelled: a
//      unary one by Reply() or Fail(), a streaming one by Close() or Fail().
//      Finishing twice ends the process.
//   2. After the call was finished the handler does not touch it again, nor
//      anything it got from it.
//   3. A handler never blocks.
//
// Thread safety: a unary call may be finished from any thread.  The methods of
// a streaming call may be called from any thread, but not by two at once.
//
// Lifetime: the transport owns a call and keeps it until it was finished.

#ifndef LATCHKEY_SERVER_RPC_CALL_H_
#define LATCHKEY_SERVER_RPC_CALL_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "google/protobuf/message_lite.h"
#include "server/access/principal_account.h"
#include "server/base/clock.h"
#include "server/rpc/reply_body.h"
#include "server/rpc/rpc_metrics.h"
#include "server/rpc/status_mapping.h"
#include "server/runtime/deadline.h"

namespace latchkey {

using Trailers = std::vector<std::pair<std::string, std::string>>;

class Call {
 public:
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  virtual ~Call() = default;

  // The path of the method, as "/latchkey.v1.Cache/Get".
  virtual std::string_view method() const = 0;

  // Who asks, as authenticated; empty without authentication.
  virtual std::string_view principal() const = 0;

  // What that principal uses of its limits; null where the server has none.
  virtual PrincipalAccount* account() const { return nullptr; }

  // The first value of the request's metadata `name`, in lower case.
  virtual std::optional<std::string_view> FindMetadata(
      std::string_view name) const = 0;

  // Ends by the client's deadline, its cancel, a lost connection or a drain.
  virtual DeadlineToken token() const = 0;

  // Whether there is memory for one more answer.  A lane asks before it runs a
  // call that waited, since many may have come while there still was.  On the
  // transport's thread only.
  virtual bool has_room_for_answer() const { return true; }

  // Counts the call under `method` when it is finished; `request_bytes` is the
  // size of a unary request.  MethodTable says so, in Count() and on dispatch.
  //
  // REQUIRES: the call is not finished, and `method` outlives it.
  void CountUnder(MethodMetrics& method, size_t request_bytes) {
    metrics_ = &method;
    request_bytes_ = request_bytes;
  }

  // Adds metadata to the beginning of the answer, which a client sees with the
  // first message; the cache's own metadata is in trailers, since this commits
  // a call for gRPC's own retries.  REQUIRES: the call is not finished, and
  // nothing was sent.
  void AddHeader(std::string_view name, std::string_view value);

  // Adds metadata to the end of the answer.  REQUIRES: the call is not
  // finished.
  void AddTrailer(std::string_view name, std::string_view value);

  // Finishes a unary call with its response.
  void Reply(const ReplyBody& response);
  void Reply(const google::protobuf::MessageLite& response) {
    Reply(ReplyBody::Of(response));
  }

  // Finishes any call with an error.  REQUIRES: !error.ok().
  void Fail(const absl::Status& error);

  // Finishes a streaming call with OK, after what was sent before.
  void Close();

  // Sends one message of a streaming call; StreamHandler::OnSent() follows.
  //
  // REQUIRES: the OnSent() of an earlier Send() has come.
  void Send(const google::protobuf::MessageLite& message);

  // Asks for the next message of a streaming call: StreamHandler::OnMessage()
  // or OnHalfClose() follows.
  //
  // REQUIRES: the answer to an earlier Receive() has come, and it was not
  // OnHalfClose().
  void Receive();

 protected:
  // `arrival` is when the request was read.
  Call(const Clock& clock, UnixNanos arrival)
      : clock_(clock), arrival_(arrival) {}

  bool finished() const { return finished_; }

  // What AddHeader() has added, for the transport.
  const Trailers& headers() const { return headers_; }

 private:
  // What a transport does.  Each is called as the public method of the name
  // says; `trailers` are all that the answer carries beside the status.  The
  // GetCachedSize() of a message is its size.
  virtual void DoReply(const ReplyBody& response, Trailers trailers) = 0;
  virtual void DoFinish(const WireStatus& status, Trailers trailers) = 0;
  virtual void DoSend(const google::protobuf::MessageLite& message) = 0;
  virtual void DoReceive() = 0;

  // Marks the call finished, counts it, and returns its trailers.
  Trailers TakeTrailers(int code, ErrorReason reason, size_t reply_bytes);

  const Clock& clock_;
  const UnixNanos arrival_;

  // Touched by whoever holds the call; see "Thread safety".
  bool finished_ = false;
  Trailers headers_;
  Trailers trailers_;
  // Null for a call that is not counted.
  MethodMetrics* metrics_ = nullptr;
  size_t request_bytes_ = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_CALL_H_
