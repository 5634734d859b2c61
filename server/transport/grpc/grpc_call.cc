#include "server/transport/grpc/grpc_call.h"

#include <grpc/grpc_security_constants.h>
#include <grpc/support/time.h>

#include <utility>

#include "absl/status/status.h"
#include "server/base/check.h"
#include "server/rpc/authentication.h"
#include "server/rpc/overload.h"
#include "server/tls/tls_keeper.h"

namespace latchkey {
namespace {

// `deadline` of the library on the server's clock, which reads `now`; where
// there is none, `otherwise`.
UnixNanos ToUnixNanos(gpr_timespec deadline, UnixNanos now,
                      UnixNanos otherwise) {
  // A client may ask for 11,000 years.
  constexpr int64_t kSecondsMax = kNever / kNanosPerSecond - 1;
  const gpr_timespec left =
      gpr_time_sub(deadline, gpr_now(deadline.clock_type));
  if (left.tv_sec >= kSecondsMax) return otherwise;
  if (left.tv_sec < 0) return now;
  return SaturatingAdd(now, left.tv_sec * kNanosPerSecond + left.tv_nsec);
}

grpc::ByteBuffer Serialize(const ReplyBody& message) {
  grpc::Slice slice(message.size());
  // A new slice is ours alone until the buffer below shares it.
  message.WriteTo(reinterpret_cast<char*>(const_cast<uint8_t*>(slice.begin())));
  return grpc::ByteBuffer(&slice, 1);
}

}  // namespace

GrpcCall::GrpcCall(GrpcCallSlot& slot, const Clock& clock, UnixNanos now,
                   const Method* method, UnixNanos end_max)
    : Call(clock, now),
      slot_(slot),
      clock_(clock),
      method_(method),
      deadline_(ToUnixNanos(slot.context.raw_deadline(), now, end_max)) {}

GrpcCall::~GrpcCall() {
  if (counted_) caller_.account->live_calls().Give(1);
}

absl::Status GrpcCall::TakeOfPrincipal() {
  PrincipalAccount* const account = caller_.account;
  if (account == nullptr || is_about_server()) return absl::OkStatus();
  counted_ = account->live_calls().Take(1);
  return counted_ ? absl::OkStatus() : account->OverLimitError(kLiveCallsLimit);
}

void GrpcCall::Begin(PointLane& lane) {
  lane_ = &lane;
  if (method_ == nullptr) {
    Fail(UnknownMethodError(slot_.context.method()));
    return;
  }
  if (method_->unary) {
    DoReceive();
    return;
  }
  stream_handler_ = method_->stream(*this);
  LATCHKEY_CHECK(stream_handler_ != nullptr, "a stream has a handler");
}

bool GrpcCall::Authenticate(const GrpcServerOptions& options) {
  if (options.tls != nullptr &&
      !options.tls->options().client_ca_file.empty()) {
    const auto names = slot_.context.auth_context()->FindPropertyValues(
        GRPC_X509_CN_PROPERTY_NAME);
    if (names.size() == 1) {
      certificate_name_ =
          CertificatePrincipal({names[0].data(), names[0].size()});
    }
  }
  return latchkey::Authenticate(options.tokens, options.limits, method_, *this,
                                certificate_name_, &caller_);
}

bool GrpcCall::Handle(GrpcEvent event, bool ok) {
  switch (event) {
    case GrpcEvent::kAccepted:
      LATCHKEY_CHECK(false, "a call is accepted before it is made");
    case GrpcEvent::kRead:
      OnRead(ok);
      break;
    case GrpcEvent::kWritten:
      OnWritten(ok);
      break;
    case GrpcEvent::kFinished:
      break;
    case GrpcEvent::kDone:
      OnDone();
      break;
  }
  if (tags_.fetch_sub(1, std::memory_order_acq_rel) != 1) return false;
  if (stream_handler_ != nullptr) stream_handler_->OnDone();
  return true;
}

std::string_view GrpcCall::method() const { return slot_.context.method(); }

std::string_view GrpcCall::peer() const {
  if (peer_.empty()) peer_ = slot_.context.peer();
  return peer_;
}

std::optional<std::string_view> GrpcCall::FindMetadata(
    std::string_view name) const {
  const auto& metadata = slot_.context.client_metadata();
  const grpc::string_ref key(name.data(), name.size());
  const auto it = metadata.lower_bound(key);
  if (it == metadata.end() || it->first != key) return std::nullopt;
  return std::string_view(it->second.data(), it->second.size());
}

void GrpcCall::DoReply(const ReplyBody& response, Trailers trailers) {
  AddTrailers(trailers);
  const grpc::ByteBuffer message = Serialize(response);
  PublishEnd();
  // From here on the call may be over, and gone, at any moment: the library
  // hands its tag to the queue's thread.
  slot_.stream.WriteAndFinish(message, grpc::WriteOptions(), grpc::Status(),
                              &slot_.finished);
}

void GrpcCall::DoFinish(const WireStatus& status, Trailers trailers) {
  AddTrailers(trailers);
  finish_status_ = grpc::Status(static_cast<grpc::StatusCode>(status.code),
                                status.message, status.details);
  const WriteState before =
      write_state_.exchange(WriteState::kFinishing, std::memory_order_acq_rel);
  if (before == WriteState::kIdle) StartFinish();
}

void GrpcCall::DoSend(const google::protobuf::MessageLite& message) {
  LATCHKEY_CHECK(
      write_state_.load(std::memory_order_relaxed) == WriteState::kIdle,
      "one message is sent at a time");
  AddHeaders();
  tags_.fetch_add(1, std::memory_order_relaxed);
  write_state_.store(WriteState::kWriting, std::memory_order_relaxed);
  slot_.stream.Write(Serialize(ReplyBody::Of(message)), &slot_.written);
}

void GrpcCall::DoReceive() {
  tags_.fetch_add(1, std::memory_order_relaxed);
  slot_.stream.Read(&read_buffer_, &slot_.read);
}

void GrpcCall::AddHeaders() {
  if (std::exchange(headers_added_, true)) return;
  for (const auto& [name, value] : headers()) {
    slot_.context.AddInitialMetadata(name, value);
  }
}

void GrpcCall::AddTrailers(const Trailers& trailers) {
  AddHeaders();
  for (const auto& [name, value] : trailers) {
    slot_.context.AddTrailingMetadata(name, value);
  }
}

void GrpcCall::PublishEnd() { tags_.fetch_add(0, std::memory_order_release); }

void GrpcCall::StartFinish() {
  PublishEnd();
  // As in DoReply(): the call may be gone when this returns.
  slot_.stream.Finish(finish_status_, &slot_.finished);
}

void GrpcCall::OnRead(bool ok) {
  if (stream_handler_ == nullptr) {
    OnRequest(ok);
    return;
  }
  // The handler may have finished the call since it asked.
  if (cancel_told_ ||
      write_state_.load(std::memory_order_acquire) == WriteState::kFinishing) {
    return;
  }
  if (ok) {
    stream_handler_->OnMessage(ReadMessage());
  } else {
    // A broken stream ends like this too; OnCancel() follows.
    stream_handler_->OnHalfClose();
  }
}

void GrpcCall::OnRequest(bool ok) {
  if (ok) {
    lane_->Admit(place_, *method_, *this, ReadMessage(), clock_.Now());
    return;
  }
  // gRPC's rule for a request without its one message.  Where the library has
  // given up on the call (a message over the limit, a lost connection), its own
  // status went first and this one goes nowhere.
  Fail(absl::UnimplementedError("a unary request has one message, got none"));
}

void GrpcCall::OnWritten(bool ok) {
  WriteState expected = WriteState::kWriting;
  const bool writing = write_state_.compare_exchange_strong(
      expected, WriteState::kIdle, std::memory_order_acq_rel);
  if (!writing) {
    StartFinish();
    return;
  }
  // After a failed write nothing more can be sent; OnCancel() follows.  One
  // that went well may be heard of after that.
  if (ok && !cancel_told_) stream_handler_->OnSent();
}

void GrpcCall::OnDone() {
  if (!slot_.context.IsCancelled()) return;
  // A call that ran out of time is cancelled by the library.  (Its client,
  // whose time began earlier, may cancel it before.)  A handler that waits
  // somewhere may finish the call in here; its tags keep it until this event is
  // over.
  deadline_.Expire(clock_.Now());
  deadline_.End(EndReason::kClientCancelled);
  if (place_.queued()) {
    lane_->Remove(place_);
    Fail(NotRun(EndedError(deadline_.token().Check(clock_.Now()),
                           DeadlineStage::kQueue)));
    return;
  }
  if (stream_handler_ != nullptr &&
      write_state_.load(std::memory_order_acquire) != WriteState::kFinishing) {
    cancel_told_ = true;
    stream_handler_->OnCancel();
  }
}

std::string_view GrpcCall::ReadMessage() {
  if (!read_buffer_.TrySingleSlice(&read_slice_).ok()) {
    // A buffer that can be read is a list of slices, so this does not fail.
    const grpc::Status dumped = read_buffer_.DumpToSingleSlice(&read_slice_);
    LATCHKEY_CHECK(dumped.ok(), "a message that was read has bytes");
  }
  read_buffer_.Clear();
  return std::string_view(reinterpret_cast<const char*>(read_slice_.begin()),
                          read_slice_.size());
}

}  // namespace latchkey
