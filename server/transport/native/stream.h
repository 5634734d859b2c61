// Stream is one RPC on an HTTP/2 stream: it gathers the request, runs the
// handler, and hands the answer to nghttp2 piece by piece.
//
//   unary:   headers -> one message -> half-close -> handler -> answer ->
//   closed stream:  headers -> handler <-> any number of messages -> closed
//
// A call of gRPC-Web is the same but for its bodies: its request may be Base64,
// and its answer ends in a frame of trailers, in place of HTTP/2's.
//
// A stream is over, and goes back to its worker's pool, when HTTP/2 is done
// with it and its handler has ended, in whichever order.
//
// Handlers of streams are told things from Deliver() only, never from inside a
// method of their call and never from inside nghttp2.
//
// Thread safety: belongs to its worker's thread, but for NativeCall: see
// call.h.

#ifndef LATCHKEY_SERVER_TRANSPORT_NATIVE_STREAM_H_
#define LATCHKEY_SERVER_TRANSPORT_NATIVE_STREAM_H_

#include <nghttp2/nghttp2.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/base64_reader.h"
#include "proto/wire/message_reader.h"
#include "server/access/token_keeper.h"
#include "server/base/clock.h"
#include "server/rpc/call.h"
#include "server/rpc/method_table.h"
#include "server/rpc/point_lane.h"
#include "server/runtime/deadline.h"
#include "server/transport/native/request_blocks.h"
#include "server/transport/native/request_headers.h"

namespace latchkey {

class Session;
class Stream;
class Worker;

// A Stream as its handler sees it.
class NativeCall final : public Call {
 public:
  // `now` is when the headers came.
  NativeCall(Stream& stream, const Clock& clock, UnixNanos now,
             UnixNanos deadline)
      : Call(clock, now), stream_(stream), deadline_(deadline) {}

  std::string_view method() const override;
  std::string_view principal() const override;
  PrincipalAccount* account() const override;
  std::optional<std::string_view> FindMetadata(
      std::string_view name) const override;
  DeadlineToken token() const override { return deadline_.token(); }
  bool has_room_for_answer() const override;

  // Ends the token, by its deadline where that has passed.  A handler that
  // waits somewhere may finish the call in here.
  void End(EndReason reason, UnixNanos now);

  // As End(), where the deadline has passed.
  void Expire(UnixNanos now) { deadline_.Expire(now); }

  // Whether the handler has finished the call, perhaps on a thread from which
  // the answer is still on its way.
  bool finishing() const { return finishing_.load(std::memory_order_acquire); }

  const Trailers& answer_headers() const { return headers(); }

  // Whether something of the handler's is on its way from another thread.  It
  // may have been overtaken by what the handler did on this one.
  bool has_posts() const { return posts_.load(std::memory_order_relaxed) != 0; }

 private:
  // Runs `action` of the stream on the worker's thread.
  template <typename Action>
  void PostToStream(Action action);

  void DoReply(const ReplyBody& response, Trailers trailers) override;
  void DoFinish(const WireStatus& status, Trailers trailers) override;
  void DoSend(const google::protobuf::MessageLite& message) override;
  void DoReceive() override;

  // Constant after construction.
  Stream& stream_;

  // Synchronises itself.
  DeadlineSource deadline_;
  // Set with release by whoever finishes the call, as its last touch before the
  // answer is handed over; observed with acquire by the worker's thread.
  std::atomic<bool> finishing_ = false;
  // Who posts adds one before; the worker's thread subtracts.  A handler whose
  // threads use one call orders them, and so the worker's view of this: relaxed
  // is enough.
  std::atomic<int> posts_ = 0;
};

class Stream {
 public:
  explicit Stream(Worker& worker);

  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Whether requests and answers, or requests alone, take as much memory as
  // they may.
  bool IsOverBudget() const;
  bool HoldsTooMuch() const;

  // Begins the stream `id`.  REQUIRES: it is new, or was cleared.
  void Open(Session& session, nghttp2_session* http, int32_t id);

  // Also begins its call, which goes by DirectPath: `meaning` is what `block`
  // says.
  void OpenDirect(std::string_view block, const CallHeaders& meaning);

  // What nghttp2 has not been told of a stream of DirectPath.
  struct Untold {
    std::string block;
    // What the client added to the window of the answer.
    int64_t window = 0;
    // Whether the request came, and its size, as framed.
    bool has_body = false;
    size_t body_bytes = 0;
  };
  Untold& untold() { return untold_; }

  // The whole body of a request of DirectPath.
  void OnDirectBody(std::string_view body);

  // nghttp2 was told, unless it takes no streams any more.
  void OnAdopted();

  // Forgets everything; keeps a little memory.  REQUIRES: is_over().
  void Clear();

  // What the session tells: the headers are whole; bytes of the body; the
  // client sends no more; HTTP/2 is done with the stream, and why.
  void OnHeaders();
  void OnData(std::string_view data);
  void OnHalfClose();
  void OnClosed(EndReason reason);

  // The server gives up on the call: it drains.
  void Cancel(EndReason reason);

  // The timer that Due() asked for.
  void OnTimer(UnixNanos now);
  UnixNanos Due(UnixNanos now) const;

  // Tells a streaming handler what there is to tell.
  void Deliver();

  // What nghttp2 asks for: up to `length` bytes of the answer, and then these,
  // appended to `out`.
  ssize_t OfferReply(size_t length, uint32_t* flags);
  void TakeReply(size_t length, std::string* out);

  int32_t id() const { return id_; }
  Session& session() const { return *session_; }
  RequestHeaders& headers() { return headers_; }
  const RequestHeaders& headers() const { return headers_; }
  const Method* method() const { return method_; }
  const Caller& caller() const { return caller_; }
  bool half_closed() const { return half_closed_; }
  bool is_web() const { return web_ != nullptr; }
  bool has_handler() const { return handler_ != nullptr; }
  // Whether it is a unary call whose request is still to come.
  bool awaits_message() const {
    return is_unary() && !ending_ && !closed_ && !half_closed_;
  }
  bool is_over() const {
    return closed_ &&
           (!call_.has_value() || (finished_ && !call_->has_posts()));
  }

  // What the handler does with its call, on the worker's thread.
  void Reply(const ReplyBody& response, Trailers trailers);
  void ReplyFramed(std::string framed, Trailers trailers);
  void Finish(WireStatus status, Trailers trailers);
  void SendFramed(std::string framed);
  void WantMessage();

  // What was posted from another thread has been done.
  void OnPosted();

  Worker& worker() const { return worker_; }

  // For the lists of the session and of the worker's timers.
  Stream* newer = nullptr;
  Stream* older = nullptr;
  bool queued = false;
  UnixNanos timer = kNever;

 private:
  // For what is no call of gRPC's: a status of HTTP, once the request is whole.
  void SubmitHttpRefusal();
  // Refuses a call that must not or cannot begin.
  bool RefuseCall(bool has_slot);
  // Whether the call comes from somebody who may call.
  bool Authenticate();
  // Counts the call, and its connection, among its principal's.
  //
  // Errors: PrincipalAccount::OverLimitError().
  absl::Status TakeOfPrincipal();
  // Takes a slot for the call; returns whether there was one.
  bool TakeSlot();
  void GiveSlotBack();
  void FailOverloaded();
  // Where a request is no native call: begins one of gRPC-Web, or returns the
  // status of HTTP to answer with.
  const char* BeginWeb();
  // Of a text body: puts what it stands for in place of `*data`, which lives
  // until the next one.  Returns false where it is no Base64.
  bool DecodeText(std::string_view* data);
  // Whether a text body ends inside of a group.
  bool IsTextCut() const;
  void FailText();
  // In a function of its own, since few streams have one.
  void EndWeb();
  // Of a call that no handler has seen.
  void FailUnhandled(EndReason reason);
  void Dispatch();
  void ReadUnary(std::string_view data);
  void DeliverMessage();
  // The bytes of the message that was read, inflated where it is compressed.
  absl::StatusOr<std::string_view> Unpack();

  // Answers in the handler's place, which is told that its call is cancelled.
  void AnswerInstead(const absl::Status& error);
  void End(WireStatus status, Trailers trailers);
  bool AnswerDirectly();
  // After DirectPath has written the answer.
  void OnAnsweredDirectly();
  void SubmitEnd();
  // An answer is compressed where the client compresses its own messages and
  // says that it reads such.
  bool compresses() const;
  // Whether the bytes of an answer are changed before they are sent.
  bool packs() const;
  void CompressReply();
  // What is left to do for the message in `reply_`.
  void PackReply();
  void AppendWebTrailers();
  // Whether the answer begins as almost all do.
  bool has_usual_head() const;
  void SubmitReply();
  void SubmitTrailersOnly();
  void SubmitTrailers();
  void Reset(uint32_t code);

  // Makes nghttp2 know of the stream.
  void LeaveDirectPath();
  // Gives the room for bytes of the body back to the client.
  void Consume(size_t bytes);

  // Keep the worker's budgets.
  void CountRequest();
  void CountReply(size_t bytes);
  size_t reply_size() const {
    return reply_.size() + (large_ == nullptr ? 0 : large_->bytes.size());
  }
  size_t reply_left() const { return reply_size() - reply_taken_; }
  bool is_unary() const { return method_ != nullptr && method_->unary; }
  // Whether a handler has begun.
  bool handled() const {
    return handler_ != nullptr || (admitted_ && !place_.queued());
  }

  Worker& worker_;
  Session* session_ = nullptr;
  nghttp2_session* http_ = nullptr;
  int32_t id_ = 0;

  // Whether nghttp2 does not know of the stream.
  bool direct_ = false;
  Untold untold_;

  // What a call of gRPC-Web has beside others.
  struct Web {
    bool text_request = false;
    bool text_answer = false;
    // Of a text request, the bytes that came last.
    wire::Base64Reader text;
    std::string decoded;
    // What an answer to the page's origin names; empty for no page.
    std::string_view allowed_origin;
  };
  // Null for a native call.
  std::unique_ptr<Web> web_;

  // The request.
  RequestHeaders headers_;
  wire::MessageReader reader_;
  // Bytes of a streaming call that its handler has not asked for, from
  // inbox_begin_ on.
  std::string inbox_;
  size_t inbox_begin_ = 0;
  std::string inflated_;
  // Of the worker's budgets.
  size_t request_counted_ = 0;
  size_t reply_counted_ = 0;
  UnixNanos arrival_ = 0;
  // A status of HTTP, or nullptr for a call.
  const char* http_refusal_ = nullptr;
  bool half_closed_ = false;
  bool has_message_ = false;

  // The handler.
  const Method* method_ = nullptr;
  // Nobody where the server has no tokens.
  Caller caller_;
  // Among the calls of caller_.account.
  bool counted_ = false;
  std::optional<NativeCall> call_;
  std::unique_ptr<StreamHandler> handler_;
  // Where a unary call waits for its handler.
  PointLane::Place place_;
  // Whether it was given to the lane.
  bool admitted_ = false;
  bool wants_message_ = false;
  bool sent_ = false;
  bool cancelled_ = false;
  bool cancel_told_ = false;
  bool finished_ = false;

  // Bytes of the answer that stand where they are in the store.
  struct Large {
    // Where in the answer they come.
    size_t begin = 0;
    std::string_view bytes;
    std::shared_ptr<const void> owner;
  };

  // The answer: one framed message, how much of it nghttp2 has taken, and how
  // it ends.
  std::string reply_;
  // Null for most answers; else what is missing in reply_.
  std::unique_ptr<Large> large_;
  size_t reply_taken_ = 0;
  WireStatus status_;
  Trailers trailers_;
  UnixNanos end_time_ = 0;
  // The response's headers went to nghttp2.
  bool submitted_ = false;
  // The status is known: nothing that comes after is sent.
  bool ending_ = false;
  bool closed_ = false;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_TRANSPORT_NATIVE_STREAM_H_
