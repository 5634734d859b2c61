// NativeCall, of stream.h: from any thread to the one that the stream lives on.

#include <string>
#include <utility>

#include "proto/wire/message_reader.h"
#include "server/transport/native/session.h"
#include "server/transport/native/stream.h"
#include "server/transport/native/worker.h"

namespace latchkey {
namespace {

std::string Framed(const ReplyBody& message) {
  std::string framed(wire::kMessagePrefixBytes + message.size(), '\0');
  wire::WriteMessagePrefix(static_cast<uint32_t>(message.size()),
                           framed.data());
  message.WriteTo(framed.data() + wire::kMessagePrefixBytes);
  return framed;
}

}  // namespace

std::string_view NativeCall::method() const { return stream_.headers().path(); }

std::string_view NativeCall::principal() const {
  const Principal* const principal = stream_.caller().principal;
  return principal == nullptr ? std::string_view() : *principal;
}

PrincipalAccount* NativeCall::account() const {
  return stream_.caller().account;
}

std::optional<std::string_view> NativeCall::FindMetadata(
    std::string_view name) const {
  return stream_.headers().FindMetadata(name);
}

bool NativeCall::has_room_for_answer() const { return !stream_.IsOverBudget(); }

void NativeCall::End(EndReason reason, UnixNanos now) {
  // Who notices a deadline may close the stream before.
  deadline_.Expire(now);
  deadline_.End(reason);
}

template <typename Action>
void NativeCall::PostToStream(Action action) {
  posts_.fetch_add(1, std::memory_order_relaxed);
  stream_.worker().Post([call = this, action = std::move(action)]() mutable {
    Stream& stream = call->stream_;
    action(stream);
    call->posts_.fetch_sub(1, std::memory_order_relaxed);
    stream.OnPosted();
  });
}

void NativeCall::DoReply(const ReplyBody& response, Trailers trailers) {
  if (stream_.worker().IsCurrent()) {
    finishing_.store(true, std::memory_order_relaxed);
    stream_.Reply(response, std::move(trailers));
    return;
  }
  std::string framed = Framed(response);
  finishing_.store(true, std::memory_order_release);
  PostToStream([framed = std::move(framed),
                trailers = std::move(trailers)](Stream& stream) mutable {
    stream.ReplyFramed(std::move(framed), std::move(trailers));
  });
}

void NativeCall::DoFinish(const WireStatus& status, Trailers trailers) {
  if (stream_.worker().IsCurrent()) {
    finishing_.store(true, std::memory_order_relaxed);
    stream_.Finish(status, std::move(trailers));
    return;
  }
  finishing_.store(true, std::memory_order_release);
  PostToStream([status = status,
                trailers = std::move(trailers)](Stream& stream) mutable {
    stream.Finish(std::move(status), std::move(trailers));
  });
}

void NativeCall::DoSend(const google::protobuf::MessageLite& message) {
  std::string framed = Framed(ReplyBody::Of(message));
  if (stream_.worker().IsCurrent()) {
    stream_.SendFramed(std::move(framed));
    return;
  }
  PostToStream([framed = std::move(framed)](Stream& stream) mutable {
    stream.SendFramed(std::move(framed));
  });
}

void NativeCall::DoReceive() {
  if (stream_.worker().IsCurrent()) {
    stream_.WantMessage();
    return;
  }
  PostToStream([](Stream& stream) { stream.WantMessage(); });
}

}  // namespace latchkey
