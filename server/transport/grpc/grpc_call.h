// GrpcCall is one RPC of the gRPC library, as a small state machine: it turns
// what a handler asks for into operations of the library, and the library's
// events back into calls of the handler.
//
//   unary:   accepted -> read the request -> handler -> answer -> over
//   stream:  accepted -> handler <-> any number of reads and writes -> over
//
// Every operation is given a tag, and every tag comes back exactly once as an
// Event, whatever became of the operation.  A call is over when all of its tags
// are back; its slot is destroyed then and not before.
//
// Thread safety: Begin() and Handle() belong to the thread of the call's
// completion queue, so that a handler's callbacks come one after the other. The
// methods of Call may be called from where call.h says; the fields that both
// sides touch are atomic.

#ifndef LATCHKEY_SERVER_TRANSPORT_GRPC_GRPC_CALL_H_
#define LATCHKEY_SERVER_TRANSPORT_GRPC_GRPC_CALL_H_

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>
#include <grpcpp/support/status.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "server/access/token_keeper.h"
#include "server/base/clock.h"
#include "server/rpc/call.h"
#include "server/rpc/method_table.h"
#include "server/rpc/point_lane.h"
#include "server/runtime/deadline.h"
#include "server/transport/grpc/options.h"

namespace latchkey {

struct GrpcCallSlot;

// What the library has to say about one RPC.
enum class GrpcEvent : uint8_t {
  // An RPC came; not ok: none will, the server is shutting down.
  kAccepted,
  // A message was read; not ok: there is none, or the RPC is broken.
  kRead,
  // A message went out; not ok: the RPC is broken.
  kWritten,
  // The status went out, or could not.
  kFinished,
  // Both sides are done with the RPC, or it was cancelled.  Never comes for a
  // slot that was not accepted.
  kDone,
};

// What the library carries around for us.
struct GrpcTag {
  GrpcCallSlot* slot;
  GrpcEvent event;
};

class GrpcCall final : public Call {
 public:
  // `slot` holds this call of `method`, which is null where there is none of
  // its name, and was accepted at `now`.  It ends at `end_max` where its client
  // gave no deadline.
  GrpcCall(GrpcCallSlot& slot, const Clock& clock, UnixNanos now,
           const Method* method, UnixNanos end_max);
  ~GrpcCall() override;

  // Starts the method, or refuses the call where there is none.  A unary call
  // is run by `lane`.
  void Begin(PointLane& lane);

  // Finds out who has sent the call, and returns whether he may.
  bool Authenticate(const GrpcServerOptions& options);

  // Counts the call among its principal's until its end.
  //
  // REQUIRES: Authenticate() has returned true.
  // Errors: PrincipalAccount::OverLimitError().
  absl::Status TakeOfPrincipal();

  bool is_about_server() const {
    return method_ != nullptr && method_->about_server;
  }

  // Takes an event other than kAccepted.  Returns whether the call is over:
  // then destroy its slot.
  [[nodiscard]] bool Handle(GrpcEvent event, bool ok);

  std::string_view method() const override;
  // The address of the other end, as "ipv4:127.0.0.1:50123".
  std::string_view peer() const;
  std::string_view principal() const override {
    return caller_.principal == nullptr ? std::string_view()
                                        : *caller_.principal;
  }
  PrincipalAccount* account() const override { return caller_.account; }
  std::optional<std::string_view> FindMetadata(
      std::string_view name) const override;
  DeadlineToken token() const override { return deadline_.token(); }

 private:
  // Whether a write is on its way, and whether the end of the call waits for
  // it: the library wants one after the other.
  enum class WriteState : uint8_t { kIdle, kWriting, kFinishing };

  void DoReply(const ReplyBody& response, Trailers trailers) override;
  void DoFinish(const WireStatus& status, Trailers trailers) override;
  void DoSend(const google::protobuf::MessageLite& message) override;
  void DoReceive() override;

  // Before the first thing that is sent.
  void AddHeaders();
  void AddTrailers(const Trailers& trailers);
  void StartFinish();

  // Publishes what this thread did to the call, for the queue's thread, which
  // ends it: the library orders the two as well, but says so nowhere.
  void PublishEnd();
  void OnRead(bool ok);
  void OnRequest(bool ok);
  void OnWritten(bool ok);
  void OnDone();

  // The message that was read last, contiguous.  Lives in this object until the
  // next read.
  std::string_view ReadMessage();

  // Constant after construction.
  GrpcCallSlot& slot_;
  const Clock& clock_;
  const Method* const method_;

  // Synchronises itself.
  DeadlineSource deadline_;
  // Tags that are to come back.  The end of the call (kFinished) and kDone are
  // counted from the start, so that this is 0 only when the call is over.
  // Whoever starts a read or write adds one; the queue's thread subtracts, and
  // its acquire at 0 sees all that others did to the call before.
  std::atomic<int> tags_ = 2;
  // A finisher publishes finish_status_ with release; the queue's thread, where
  // it finds kFinishing after a write, observes it with acquire.
  std::atomic<WriteState> write_state_ = WriteState::kIdle;

  // Constant after Authenticate().
  Principal certificate_name_;
  Caller caller_;
  // Among the calls of caller_.account.
  bool counted_ = false;

  // Belongs to the queue's thread.
  PointLane* lane_ = nullptr;
  // Where a unary call waits for its handler.
  PointLane::Place place_;
  std::unique_ptr<StreamHandler> stream_handler_;
  // Whether the handler was told OnCancel(), after which it is told nothing.
  bool cancel_told_ = false;
  grpc::ByteBuffer read_buffer_;
  grpc::Slice read_slice_;

  // Belongs to whoever holds the call, as call.h says.
  grpc::Status finish_status_;
  mutable std::string peer_;
  bool headers_added_ = false;
};

// What one RPC needs: allocated once, before the RPC comes, and home of its
// GrpcCall from then on.
struct GrpcCallSlot {
  grpc::GenericServerContext context;
  grpc::GenericServerAsyncReaderWriter stream{&context};
  GrpcTag accepted{this, GrpcEvent::kAccepted};
  GrpcTag read{this, GrpcEvent::kRead};
  GrpcTag written{this, GrpcEvent::kWritten};
  GrpcTag finished{this, GrpcEvent::kFinished};
  GrpcTag done{this, GrpcEvent::kDone};
  std::optional<GrpcCall> call;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_TRANSPORT_GRPC_GRPC_CALL_H_
