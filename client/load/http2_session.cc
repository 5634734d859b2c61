#include "client/load/http2_session.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <utility>

#include "client/lib/channel.h"
#include "proto/wire/big_endian.h"
#include "proto/wire/message_reader.h"

namespace latchkey::load {
namespace {

using wire::FrameHead;
using wire::FrameType;

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr uint8_t kAckFlag = 1;
constexpr uint8_t kPaddedFlag = 8;
constexpr uint8_t kPriorityFlag = 32;
constexpr size_t kPriorityBytes = 5;
constexpr size_t kSettingBytes = 6;

// The details of an error are a few hundred bytes.
constexpr size_t kBlockBytesMax = 256 * 1024;
constexpr size_t kBodyBytesMax =
    client::kReceiveBytesMax + wire::kMessagePrefixBytes;
// Each side starts with this (RFC 9113, section 6.9.2).
constexpr uint32_t kFirstConnectionWindow = 65'535;
constexpr uint32_t kConnectionWindow = static_cast<uint32_t>(wire::kWindowMax);

std::string Setting(uint32_t name, uint32_t value) {
  std::string text(kSettingBytes, '\0');
  text[1] = static_cast<char>(name);
  wire::WriteUint32(value, text.data() + 2);
  return text;
}

// Takes out what PADDED and PRIORITY add.  Returns false where there is less
// than they say.
bool TakePadding(const FrameHead& head, std::string_view* payload) {
  size_t padding = 0;
  if ((head.flags & kPaddedFlag) != 0) {
    if (payload->empty()) return false;
    padding = static_cast<unsigned char>(payload->front());
    payload->remove_prefix(1);
  }
  if (head.type == FrameType::kHeaders && (head.flags & kPriorityFlag) != 0) {
    if (payload->size() < kPriorityBytes) return false;
    payload->remove_prefix(kPriorityBytes);
  }
  if (payload->size() < padding) return false;
  payload->remove_suffix(padding);
  return true;
}

// As gRPC maps an answer that is none of gRPC's (http-grpc-status-mapping).
grpc::StatusCode CodeOfHttp(int status) {
  switch (status) {
    case 400:
      return grpc::StatusCode::INTERNAL;
    case 401:
      return grpc::StatusCode::UNAUTHENTICATED;
    case 403:
      return grpc::StatusCode::PERMISSION_DENIED;
    case 404:
      return grpc::StatusCode::UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
      return grpc::StatusCode::UNAVAILABLE;
    default:
      return grpc::StatusCode::UNKNOWN;
  }
}

grpc::StatusCode CodeOfReset(uint32_t error) {
  switch (error) {
    case NGHTTP2_REFUSED_STREAM:
      return grpc::StatusCode::UNAVAILABLE;
    case NGHTTP2_CANCEL:
      return grpc::StatusCode::CANCELLED;
    case NGHTTP2_ENHANCE_YOUR_CALM:
      return grpc::StatusCode::RESOURCE_EXHAUSTED;
    case NGHTTP2_INADEQUATE_SECURITY:
      return grpc::StatusCode::PERMISSION_DENIED;
    default:
      return grpc::StatusCode::INTERNAL;
  }
}

void Merge(const AnswerHeaders& more, AnswerHeaders* headers) {
  if (more.http_status != 0) headers->http_status = more.http_status;
  if (!more.status) return;
  headers->status = more.status;
  headers->pushback = more.pushback;
  headers->replayed = more.replayed;
  // An empty one is the usual one.
  if (!more.message.empty()) headers->message = more.message;
  if (!more.details.empty()) headers->details = more.details;
}

}  // namespace

Http2Session::Http2Session(const SessionOptions& options,
                           std::vector<NativeCall*>* ended)
    : ended_(ended), encoder_(options) {
  output_ = kPreface;
  AppendFrame(
      {.type = FrameType::kSettings},
      Setting(NGHTTP2_SETTINGS_ENABLE_PUSH, 0) +
          Setting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kConnectionWindow));
  AppendNumber(FrameType::kWindowUpdate, 0,
               kConnectionWindow - kFirstConnectionWindow);
}

void Http2Session::Start(NativeCall* call) {
  call->Reset();
  call->stream = next_stream_;
  call->window = first_window_;
  next_stream_ += 2;
  if (next_stream_ > wire::kWindowMax) is_over_ = true;
  streams_.emplace(call->stream, call);
  AppendFrame({.type = FrameType::kHeaders,
               .flags = wire::kEndHeadersFlag,
               .stream = call->stream},
              encoder_.Encode(*call));
  SendBody(call);
}

void Http2Session::Abandon(NativeCall* call) {
  AppendNumber(FrameType::kRstStream, call->stream, NGHTTP2_CANCEL);
  Forget(call);
}

std::vector<NativeCall*> Http2Session::TakeReturned() {
  return std::exchange(returned_, {});
}

std::vector<NativeCall*> Http2Session::TakeCalls() {
  std::vector<NativeCall*> calls = TakeReturned();
  for (const auto& [stream, call] : streams_) calls.push_back(call);
  streams_.clear();
  blocked_.clear();
  return calls;
}

void Http2Session::AppendFrame(const FrameHead& head,
                               std::string_view payload) {
  char bytes[wire::kFrameHeadBytes];
  FrameHead whole = head;
  whole.size = payload.size();
  wire::WriteFrameHead(whole, bytes);
  output_.append(bytes, sizeof(bytes));
  output_.append(payload);
}

void Http2Session::AppendNumber(FrameType type, uint32_t stream,
                                uint32_t number) {
  char bytes[4];
  wire::WriteUint32(number, bytes);
  AppendFrame({.type = type, .stream = stream}, {bytes, sizeof(bytes)});
}

void Http2Session::SendBody(NativeCall* call) {
  while (call->sent_bytes < call->request.size()) {
    const int64_t left =
        static_cast<int64_t>(call->request.size() - call->sent_bytes);
    const int64_t size =
        std::min({left, call->window, window_,
                  static_cast<int64_t>(wire::kFramePayloadMax)});
    if (size <= 0) {
      blocked_.push_back(call);
      return;
    }
    AppendFrame({.type = FrameType::kData,
                 .flags = size == left ? wire::kEndStreamFlag : uint8_t{0},
                 .stream = call->stream},
                std::string_view(call->request)
                    .substr(call->sent_bytes, static_cast<size_t>(size)));
    call->sent_bytes += static_cast<size_t>(size);
    call->window -= size;
    window_ -= size;
  }
}

void Http2Session::SendBlocked() {
  for (NativeCall* const call : std::exchange(blocked_, {})) SendBody(call);
}

bool Http2Session::Fail(std::string error) {
  error_ = std::move(error);
  return false;
}

bool Http2Session::Receive(std::string_view bytes) {
  const bool keeps = !kept_.empty();
  if (keeps) {
    kept_.append(bytes);
    bytes = kept_;
  }
  while (bytes.size() >= wire::kFrameHeadBytes) {
    const FrameHead head = wire::ReadFrameHead(bytes.data());
    if (head.size > wire::kFramePayloadMax) {
      return Fail("the server sent a frame that is too long");
    }
    const size_t size = wire::kFrameHeadBytes + head.size;
    if (size > bytes.size()) break;
    if (!OnFrame(head, bytes.substr(wire::kFrameHeadBytes, head.size))) {
      if (error_.empty()) {
        error_ = "the server broke the protocol: a bad frame of type " +
                 std::to_string(static_cast<int>(head.type));
      }
      return false;
    }
    bytes.remove_prefix(size);
  }
  if (keeps) {
    kept_.erase(0, kept_.size() - bytes.size());
  } else {
    kept_ = bytes;
  }
  return true;
}

bool Http2Session::OnFrame(const FrameHead& head, std::string_view payload) {
  if (!is_ready_ && head.type != FrameType::kSettings) {
    return Fail("the server does not speak HTTP/2");
  }
  if (block_head_.stream != 0) return OnContinuation(head, payload);
  switch (head.type) {
    case FrameType::kData:
      return OnData(head, payload);
    case FrameType::kHeaders:
      return OnHeaders(head, payload);
    case FrameType::kRstStream: {
      if (payload.size() != 4) return false;
      NativeCall* const call = Find(head.stream);
      if (call == nullptr) return true;
      const uint32_t error = wire::ReadUint32(payload.data());
      EndWith(
          call, CodeOfReset(error),
          "the server reset the stream with error " + std::to_string(error));
      return true;
    }
    case FrameType::kSettings:
      return OnSettings(head, payload);
    case FrameType::kPing:
      if (payload.size() != 8) return false;
      if ((head.flags & kAckFlag) == 0) {
        AppendFrame({.type = FrameType::kPing, .flags = kAckFlag}, payload);
      }
      return true;
    case FrameType::kGoaway:
      return OnGoaway(payload);
    case FrameType::kWindowUpdate:
      return OnWindowUpdate(head, payload);
    case FrameType::kContinuation:
      return false;
    case FrameType::kPriority:
      return true;
  }
  // PUSH_PROMISE has been forbidden, and what is unknown is to be ignored.
  return static_cast<int>(head.type) != NGHTTP2_PUSH_PROMISE;
}

bool Http2Session::OnHeaders(const FrameHead& head, std::string_view payload) {
  if (head.stream == 0 || !TakePadding(head, &payload)) return false;
  if ((head.flags & wire::kEndHeadersFlag) != 0) {
    return OnBlock(head.stream, (head.flags & wire::kEndStreamFlag) != 0,
                   payload);
  }
  block_head_ = head;
  block_ = payload;
  return true;
}

bool Http2Session::OnContinuation(const FrameHead& head,
                                  std::string_view payload) {
  if (head.type != FrameType::kContinuation ||
      head.stream != block_head_.stream ||
      block_.size() + payload.size() > kBlockBytesMax) {
    return false;
  }
  block_ += payload;
  if ((head.flags & wire::kEndHeadersFlag) == 0) return true;
  const FrameHead first = std::exchange(block_head_, {});
  return OnBlock(first.stream, (first.flags & wire::kEndStreamFlag) != 0,
                 block_);
}

bool Http2Session::OnBlock(uint32_t stream, bool ends_stream,
                           std::string_view block) {
  // That of a call nobody waits for, too: it may change the table.
  const AnswerHeaders* const headers = decoder_.Decode(block);
  if (headers == nullptr) return false;
  NativeCall* const call = Find(stream);
  if (call == nullptr) return true;
  Merge(*headers, &call->answer);
  if (ends_stream) OnEnd(call);
  return true;
}

bool Http2Session::OnData(const FrameHead& head, std::string_view payload) {
  received_bytes_ += head.size;
  if (received_bytes_ >= kConnectionWindow / 2) {
    AppendNumber(FrameType::kWindowUpdate, 0,
                 static_cast<uint32_t>(std::exchange(received_bytes_, 0)));
  }
  if (head.stream == 0 || !TakePadding(head, &payload)) return false;
  NativeCall* const call = Find(head.stream);
  if (call == nullptr) return true;
  if (call->body.size() + payload.size() > kBodyBytesMax) {
    AppendNumber(FrameType::kRstStream, call->stream, NGHTTP2_CANCEL);
    EndWith(call, grpc::StatusCode::RESOURCE_EXHAUSTED,
            "the answer is too large");
    return true;
  }
  call->body.append(payload);
  if ((head.flags & wire::kEndStreamFlag) != 0) OnEnd(call);
  return true;
}

bool Http2Session::OnSettings(const FrameHead& head, std::string_view payload) {
  if ((head.flags & kAckFlag) != 0) return true;
  if (payload.size() % kSettingBytes != 0) return false;
  is_ready_ = true;
  for (; !payload.empty(); payload.remove_prefix(kSettingBytes)) {
    const auto name =
        static_cast<uint32_t>(static_cast<unsigned char>(payload[0]) << 8 |
                              static_cast<unsigned char>(payload[1]));
    if (!OnSetting(name, wire::ReadUint32(payload.data() + 2))) return false;
  }
  AppendFrame({.type = FrameType::kSettings, .flags = kAckFlag}, "");
  SendBlocked();
  return true;
}

bool Http2Session::OnSetting(uint32_t name, uint32_t value) {
  switch (name) {
    case NGHTTP2_SETTINGS_HEADER_TABLE_SIZE:
      encoder_.SetTableBytesMax(value);
      return true;
    case NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS:
      streams_max_ = value;
      return true;
    case NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE: {
      if (value > wire::kWindowMax) return false;
      const int64_t more = int64_t{value} - first_window_;
      first_window_ = value;
      for (const auto& [stream, call] : streams_) call->window += more;
      return true;
    }
    default:
      return true;
  }
}

bool Http2Session::OnWindowUpdate(const FrameHead& head,
                                  std::string_view payload) {
  if (payload.size() != 4) return false;
  const uint32_t more = wire::ReadUint31(payload.data());
  NativeCall* const call = head.stream == 0 ? nullptr : Find(head.stream);
  if (head.stream != 0 && call == nullptr) return true;
  int64_t& window = call == nullptr ? window_ : call->window;
  window += more;
  if (more == 0 || window > wire::kWindowMax) return false;
  SendBlocked();
  return true;
}

bool Http2Session::OnGoaway(std::string_view payload) {
  if (payload.size() < 8) return false;
  is_over_ = true;
  const uint32_t last = wire::ReadUint31(payload.data());
  for (const auto& [stream, call] : streams_) {
    if (stream > last) returned_.push_back(call);
  }
  for (NativeCall* const call : returned_) Forget(call);
  return true;
}

NativeCall* Http2Session::Find(uint32_t stream) const {
  const auto found = streams_.find(stream);
  return found == streams_.end() ? nullptr : found->second;
}

void Http2Session::Forget(NativeCall* call) {
  streams_.erase(call->stream);
  if (call->sent_bytes < call->request.size()) std::erase(blocked_, call);
}

void Http2Session::OnEnd(NativeCall* call) {
  if (call->sent_bytes < call->request.size()) {
    // The server does not want the rest of it.
    AppendNumber(FrameType::kRstStream, call->stream, NGHTTP2_CANCEL);
  }
  AnswerHeaders& answer = call->answer;
  if (!answer.status) {
    EndWith(call,
            answer.http_status == 200 ? grpc::StatusCode::INTERNAL
                                      : CodeOfHttp(answer.http_status),
            "the answer has no status of gRPC, and " +
                std::to_string(answer.http_status) + " of HTTP");
    return;
  }
  if (*answer.status == grpc::StatusCode::OK &&
      (call->body.size() < wire::kMessagePrefixBytes || call->body[0] != 0 ||
       wire::ReadUint32(call->body.data() + 1) !=
           call->body.size() - wire::kMessagePrefixBytes)) {
    EndWith(call, grpc::StatusCode::INTERNAL,
            "the answer is not one message without compression");
    return;
  }
  Forget(call);
  ended_->push_back(call);
}

void Http2Session::EndWith(NativeCall* call, grpc::StatusCode code,
                           std::string message) {
  call->answer = {.status = code, .message = std::move(message)};
  Forget(call);
  ended_->push_back(call);
}

}  // namespace latchkey::load
