#include "server/transport/native/stream.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/wire/timeout.h"
#include "server/base/check.h"
#include "server/base/error.h"
#include "server/base/string_view.h"
#include "server/rpc/authentication.h"
#include "server/rpc/overload.h"
#include "server/transport/native/gzip.h"
#include "server/transport/native/session.h"
#include "server/transport/native/worker.h"

namespace latchkey {
namespace {

// Memory that a recycled stream keeps for its next call: more than a usual
// request and its answer.
constexpr size_t kKeptBytesMax = 4 * 1024;

// How often a call that stays open is looked at, beside its deadline.
constexpr Nanos kLookInterval = 30 * kNanosPerSecond;

constexpr char kEncodings[] = "identity,gzip";

inline void ShrinkTo(size_t bytes_max, std::string* text) {
  text->clear();
  if (text->capacity() > bytes_max) text->shrink_to_fit();
}

}  // namespace

Stream::Stream(Worker& worker)
    : worker_(worker),
      headers_(worker.options().metadata_bytes_max),
      reader_(worker.options().message_bytes_max) {}

void Stream::Open(Session& session, nghttp2_session* http, int32_t id) {
  session_ = &session;
  http_ = http;
  id_ = id;
}

void Stream::OpenDirect(std::string_view block, const CallHeaders& meaning) {
  direct_ = true;
  untold_.block = block;
  headers_ = meaning.headers;
  method_ = meaning.method;
  caller_ = meaning.caller;
  OnHeaders();
}

void Stream::OnDirectBody(std::string_view body) {
  untold_.has_body = true;
  untold_.body_bytes = body.size();
  OnData(body);
  OnHalfClose();
}

void Stream::OnAdopted() {
  direct_ = false;
  if (nghttp2_session_get_stream_user_data(http_, id_) != this) {
    OnClosed(EndReason::kConnectionLost);
  } else if (ending_) {
    SubmitEnd();
  }
}

void Stream::LeaveDirectPath() {
  if (direct_) session_->direct().Adopt(*this);
}

void Stream::Consume(size_t bytes) {
  if (!direct_) nghttp2_session_consume_stream(http_, id_, bytes);
}

void Stream::Clear() {
  if (handler_ != nullptr) handler_->OnDone();
  handler_.reset();
  if (call_.has_value()) GiveSlotBack();
  call_.reset();
  if (timer != kNever) worker_.CancelTimer(*this);
  direct_ = false;
  untold_.block.clear();
  untold_.window = 0;
  untold_.has_body = false;
  untold_.body_bytes = 0;
  if (web_ != nullptr) EndWeb();
  headers_.Clear();
  reader_.Reset(kKeptBytesMax);
  ShrinkTo(kKeptBytesMax, &inbox_);
  inbox_begin_ = 0;
  ShrinkTo(kKeptBytesMax, &inflated_);
  CountRequest();
  CountReply(0);
  ShrinkTo(kKeptBytesMax, &reply_);
  large_ = nullptr;
  reply_taken_ = 0;
  status_ = WireStatus{};
  trailers_.clear();
  http_refusal_ = nullptr;
  method_ = nullptr;
  caller_ = {};
  session_ = nullptr;
  http_ = nullptr;
  half_closed_ = has_message_ = admitted_ = wants_message_ = sent_ = false;
  cancelled_ = cancel_told_ = finished_ = false;
  submitted_ = ending_ = closed_ = false;
}

void Stream::OnHeaders() {
  arrival_ = session_->turn_time();
  if (!headers_.too_large() && !(headers_.is_post() && headers_.is_grpc())) {
    http_refusal_ = BeginWeb();
    if (http_refusal_ != nullptr) return;
  }
  UnixNanos deadline = kNever;
  bool bad_timeout = false;
  if (const auto timeout = headers_.timeout(); timeout.has_value()) {
    const std::optional<int64_t> nanos = wire::ParseTimeout(*timeout);
    bad_timeout = !nanos.has_value();
    if (nanos.has_value()) deadline = SaturatingAdd(arrival_, *nanos);
  }
  if (method_ == nullptr) method_ = worker_.methods().Find(headers_.path());
  if (deadline == kNever && !(method_ != nullptr && method_->stream)) {
    deadline = SaturatingAdd(arrival_, worker_.options().call_time_max);
  }
  call_.emplace(*this, worker_.time_source(), arrival_, deadline);
  const bool has_slot = TakeSlot();
  if (bad_timeout) {
    call_->Fail(
        NotRun(absl::InternalError("grpc-timeout is no number and unit")));
    return;
  }
  if (RefuseCall(has_slot) || method_->unary) return;
  handler_ = method_->stream(*call_);
  LATCHKEY_CHECK(handler_ != nullptr, "a stream has a handler");
}

bool Stream::RefuseCall(bool has_slot) {
  // First, so that a refusal is counted under its method.
  worker_.methods().Count(*call_, method_);
  if (headers_.too_large()) {
    call_->Fail(NotRun(absl::ResourceExhaustedError(
        absl::StrCat("the request's metadata is over ",
                     worker_.options().metadata_bytes_max, " bytes"))));
    return true;
  }
  if (headers_.is_malformed()) {
    call_->Fail(NotRun(
        absl::InternalError("metadata whose name ends in -bin is no Base64")));
    return true;
  }
  if (worker_.refusing()) {
    AddPushback(*call_, kPushback);
    call_->Fail(
        NotRun(EndedError(EndReason::kDraining, DeadlineStage::kArrival)));
    return true;
  }
  if (!Authenticate()) {
    call_->Fail(UnauthenticatedError());
    return true;
  }
  if (method_ == nullptr) {
    call_->Fail(UnknownMethodError(headers_.path()));
    return true;
  }
  if (absl::Status s = TakeOfPrincipal(); !s.ok()) {
    RefuseForPrincipal(*call_, s);
    return true;
  }
  const std::string_view encoding = headers_.encoding();
  if (!encoding.empty() && encoding != "identity" && encoding != "gzip") {
    call_->AddTrailer("grpc-accept-encoding", kEncodings);
    call_->Fail(NotRun(absl::UnimplementedError(absl::StrCat(
        "messages may be encoded as ", kEncodings, " and not otherwise"))));
    return true;
  }
  if (!has_slot) {
    worker_.methods().metrics().admission().CountShed(ShedCause::kLiveCalls);
    RefuseOverloaded(*call_, kPushback);
    return true;
  }
  if (IsOverBudget()) {
    FailOverloaded();
    return true;
  }
  return false;
}

bool Stream::Authenticate() {
  // DirectPath may have remembered the caller.
  return caller_.principal != nullptr ||
         latchkey::Authenticate(worker_.options().tokens,
                                worker_.options().limits, method_, *call_,
                                session_->client_name(), &caller_);
}

void Stream::FailOverloaded() {
  reader_.Reset(kKeptBytesMax);
  CountRequest();
  worker_.methods().metrics().admission().CountShed(ShedCause::kMemory);
  RefuseForMemory(*call_);
}

void Stream::OnData(std::string_view data) {
  if (ending_ || closed_ || !call_.has_value()) {
    Consume(data.size());
    return;
  }
  if (web_ != nullptr && web_->text_request && !DecodeText(&data)) {
    FailText();
    return;
  }
  if (is_unary()) {
    // What is kept has its own limits, so the client may go on at once.
    Consume(data.size());
    ReadUnary(data);
  } else {
    inbox_.append(data);
    if (wants_message_) session_->Queue(*this);
  }
  CountRequest();
  if (!ending_ && HoldsTooMuch()) {
    if (is_unary()) {
      FailOverloaded();
    } else {
      AnswerInstead(MakeError(absl::StatusCode::kUnavailable,
                              ErrorReason::kOverloaded,
                              "too much waits to be received"));
    }
  }
}

void Stream::ReadUnary(std::string_view data) {
  absl::Status error;
  while (error.ok() && !data.empty()) {
    if (has_message_) {
      error =
          absl::UnimplementedError("a unary request has one message, got more");
      break;
    }
    switch (reader_.Read(&data)) {
      case wire::MessageReader::Result::kNeedMore:
        break;
      case wire::MessageReader::Result::kMessage:
        has_message_ = true;
        break;
      case wire::MessageReader::Result::kTooLarge:
        error = absl::ResourceExhaustedError(
            absl::StrCat("the message is over ",
                         worker_.options().message_bytes_max, " bytes"));
        break;
      case wire::MessageReader::Result::kBadFlag:
        error = absl::InternalError("a message begins with 0 or 1");
        break;
    }
  }
  if (!error.ok()) call_->Fail(NotRun(error));
}

void Stream::OnHalfClose() {
  half_closed_ = true;
  if (http_refusal_ != nullptr && !ending_ && !closed_) SubmitHttpRefusal();
  if (ending_ || closed_ || !call_.has_value()) return;
  if (web_ != nullptr && IsTextCut()) {
    FailText();
    return;
  }
  if (!is_unary()) {
    if (wants_message_) session_->Queue(*this);
    return;
  }
  if (reader_.in_message()) {
    call_->Fail(
        NotRun(absl::InternalError("the request ends inside its message")));
  } else if (!has_message_) {
    call_->Fail(NotRun(
        absl::UnimplementedError("a unary request has one message, got none")));
  } else {
    Dispatch();
  }
}

void Stream::Dispatch() {
  const absl::StatusOr<std::string_view> message = Unpack();
  if (!message.ok()) {
    call_->Fail(NotRun(message.status()));
    return;
  }
  if (IsOverBudget()) {
    FailOverloaded();
    return;
  }
  admitted_ = true;
  place_.load = &session_->load();
  worker_.lane().Admit(place_, *method_, *call_, *message,
                       session_->turn_time());
}

absl::StatusOr<std::string_view> Stream::Unpack() {
  if (!reader_.compressed()) return reader_.message();
  if (headers_.encoding() != "gzip") {
    return absl::InternalError(
        "a compressed message, and no encoding in the headers");
  }
  session_->OnCostlyFrame();
  const absl::Status status = InflateGzip(
      reader_.message(), worker_.options().message_bytes_max, &inflated_);
  if (!status.ok()) return status;
  CountRequest();
  return std::string_view(inflated_);
}

void Stream::OnClosed(EndReason reason) {
  closed_ = true;
  if (!call_.has_value() || finished_) return;
  if (!handled() && !admitted_) {
    finished_ = true;
    return;
  }
  Cancel(reason);
}

void Stream::Cancel(EndReason reason) {
  if (!call_.has_value() || finished_) return;
  if (!handled()) {
    FailUnhandled(reason);
    return;
  }
  // Before the end is told: what its hearers answer goes the way of an answer
  // to a cancelled call.
  cancelled_ = handler_ != nullptr;
  call_->End(reason, worker_.time_source().Now());
  if (handler_ == nullptr || finished_) return;
  session_->Queue(*this);
}

void Stream::FailUnhandled(EndReason reason) {
  DeadlineStage stage = DeadlineStage::kArrival;
  if (place_.queued()) {
    worker_.lane().Remove(place_);
    stage = DeadlineStage::kQueue;
  }
  call_->Fail(NotRun(EndedError(reason, stage)));
}

UnixNanos Stream::Due(UnixNanos now) const {
  const UnixNanos look = SaturatingAdd(
      now, std::min({kLookInterval, worker_.options().request_time_max,
                     worker_.options().reply_time_max}));
  if (!call_.has_value()) return look;
  const UnixNanos deadline = call_->token().deadline();
  return deadline > now ? std::min(deadline, look) : look;
}

void Stream::OnTimer(UnixNanos now) {
  if (closed_) return;
  if (!call_.has_value()) {
    if (now - arrival_ >= worker_.options().request_time_max) {
      Reset(NGHTTP2_CANCEL);
    }
    return;
  }
  const bool expired = now >= call_->token().deadline();
  if (ending_) {
    // The client does not read its answer, or does not wait for it any more.
    if (expired || now - end_time_ >= worker_.options().reply_time_max) {
      Reset(NGHTTP2_CANCEL);
    }
    return;
  }
  if (!handled()) {
    if (expired || now - arrival_ >= worker_.options().request_time_max) {
      FailUnhandled(EndReason::kDeadline);
    }
    return;
  }
  if (!expired) return;
  cancelled_ = handler_ != nullptr;
  // A call that waits in a queue is finished by this.
  call_->Expire(now);
  if (finished_) return;
  if (cancelled_) {
    session_->Queue(*this);
  } else {
    AnswerInstead(WithMetadata(
        EndedError(EndReason::kDeadline, DeadlineStage::kBeforeCommit),
        "applied", "unknown"));
  }
}

void Stream::Deliver() {
  if (ending_ && !closed_) LeaveDirectPath();
  if (handler_ == nullptr) return;
  if (cancelled_) {
    if (!cancel_told_ && !call_->finishing()) {
      cancel_told_ = true;
      handler_->OnCancel();
    }
    return;
  }
  if (std::exchange(sent_, false) && !call_->finishing()) handler_->OnSent();
  if (wants_message_ && !call_->finishing()) DeliverMessage();
}

void Stream::DeliverMessage() {
  std::string_view input = std::string_view(inbox_).substr(inbox_begin_);
  const size_t before = input.size();
  const wire::MessageReader::Result result = reader_.Read(&input);
  const size_t taken = before - input.size();
  inbox_begin_ += taken;
  if (input.empty()) {
    inbox_.clear();
    inbox_begin_ = 0;
  }
  Consume(taken);
  CountRequest();
  switch (result) {
    case wire::MessageReader::Result::kMessage: {
      wants_message_ = false;
      const absl::StatusOr<std::string_view> message = Unpack();
      if (message.ok()) {
        handler_->OnMessage(*message);
      } else {
        AnswerInstead(message.status());
      }
      return;
    }
    case wire::MessageReader::Result::kNeedMore:
      if (!half_closed_) return;
      wants_message_ = false;
      if (reader_.in_message()) {
        AnswerInstead(absl::InternalError("the stream ends inside a message"));
      } else {
        handler_->OnHalfClose();
      }
      return;
    case wire::MessageReader::Result::kTooLarge:
      wants_message_ = false;
      AnswerInstead(absl::ResourceExhaustedError(
          absl::StrCat("the message is over ",
                       worker_.options().message_bytes_max, " bytes")));
      return;
    case wire::MessageReader::Result::kBadFlag:
      wants_message_ = false;
      AnswerInstead(absl::InternalError("a message begins with 0 or 1"));
      return;
  }
}

}  // namespace latchkey
