#include "server/transport/native/direct_path.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "proto/wire/base64.h"
#include "proto/wire/message_reader.h"
#include "server/transport/native/session.h"
#include "server/transport/native/stream.h"
#include "server/transport/native/worker.h"

namespace latchkey {
namespace {

// Memory that a connection keeps for answers outside of its turns.
constexpr size_t kKeptOutputMax = 1024;

// Blocks of HPACK that use its static table only, so that they mean the same
// whatever was sent before.
//
// :status 200, content-type application/grpc.
constexpr std::string_view kHeadBlock =
    "\x88\x0f\x10\x10"
    "application/grpc";
// grpc-status 0.
constexpr std::string_view kOkBlock = std::string_view(
    "\0\x0b"
    "grpc-status"
    "\x01"
    "0",
    15);

// The longest string whose size is one byte.
constexpr size_t kShortStringMax = 126;

bool AreShort(const Trailers& trailers) {
  return std::all_of(trailers.begin(), trailers.end(), [](const auto& trailer) {
    return !wire::IsBinaryName(trailer.first) &&
           trailer.first.size() <= kShortStringMax &&
           trailer.second.size() <= kShortStringMax;
  });
}

size_t BlockBytes(const Trailers& trailers) {
  size_t bytes = kOkBlock.size();
  for (const auto& [name, value] : trailers) {
    bytes += 3 + name.size() + value.size();
  }
  return bytes;
}

void AppendString(std::string_view text, std::string* out) {
  out->push_back(static_cast<char>(text.size()));
  out->append(text);
}

// A frame of headers, `block`, on stream 0.
template <size_t kSize>
constexpr auto FrameOf(const std::string_view& block, uint8_t flags) {
  std::array<char, wire::kFrameHeadBytes + kSize> frame = {};
  wire::WriteFrameHead(
      {.size = kSize, .type = wire::FrameType::kHeaders, .flags = flags},
      frame.data());
  for (size_t i = 0; i < kSize; ++i)
    frame[wire::kFrameHeadBytes + i] = block[i];
  return frame;
}

// The frames that begin, and end, almost all answers.
constexpr auto kHeadFrame =
    FrameOf<kHeadBlock.size()>(kHeadBlock, wire::kEndHeadersFlag);
constexpr auto kOkFrame = FrameOf<kOkBlock.size()>(
    kOkBlock, wire::kEndHeadersFlag | wire::kEndStreamFlag);

template <size_t kSize>
char* WriteFrame(const std::array<char, kSize>& frame, uint32_t id, char* out) {
  std::memcpy(out, frame.data(), kSize);
  wire::WriteUint32(id, out + wire::kFrameHeadBytes - 4);
  return out + kSize;
}

void AppendHead(const wire::FrameHead& head, std::string* out) {
  char bytes[wire::kFrameHeadBytes];
  wire::WriteFrameHead(head, bytes);
  out->append(bytes, sizeof(bytes));
}

void AppendData(uint32_t id, std::string_view bytes, std::string* out) {
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, wire::kFramePayloadMax);
    AppendHead(
        {.size = part.size(), .type = wire::FrameType::kData, .stream = id},
        out);
    out->append(part);
    bytes.remove_prefix(part.size());
  }
}

// The end of an answer.
void AppendEnd(uint32_t id, const Trailers& trailers, std::string* out) {
  AppendHead({.size = BlockBytes(trailers),
              .type = wire::FrameType::kHeaders,
              .flags = wire::kEndHeadersFlag | wire::kEndStreamFlag,
              .stream = id},
             out);
  out->append(kOkBlock);
  for (const auto& [name, value] : trailers) {
    // A header that is not put into the table.
    out->push_back('\0');
    AppendString(name, out);
    AppendString(value, out);
  }
}

}  // namespace

nghttp2_session* DirectPath::http() const { return session_.http(); }

const NativeServerOptions& DirectPath::options() const {
  return session_.worker().options();
}

int64_t DirectPath::window() const {
  return nghttp2_session_get_remote_window_size(http()) - unseen_sent_;
}

Stream* DirectPath::Find(uint32_t id) const {
  for (Stream* const stream : streams_) {
    if (static_cast<uint32_t>(stream->id()) == id) return stream;
  }
  return nullptr;
}

bool DirectPath::TakeHeaders(const FrameReader::Piece& piece) {
  if (!piece.whole || piece.head.flags != wire::kEndHeadersFlag ||
      piece.head.size > wire::kHeaderBlockBytesMax || !MayWrite(0)) {
    return false;
  }
  const std::string_view block = piece.bytes.substr(wire::kFrameHeadBytes);
  const CallHeaders* const meaning = blocks_.Find(block);
  if (meaning == nullptr) return false;
  if (meaning->caller.generation != 0 &&
      !options().tokens->IsCurrent(meaning->caller)) {
    // All are learnt again, with who sends them by now.
    blocks_.Clear();
    return false;
  }
  Stream* const stream =
      session_.OpenStream(static_cast<int32_t>(piece.head.stream));
  if (stream == nullptr) return false;
  streams_.push_back(stream);
  stream->OpenDirect(block, *meaning);
  return true;
}

bool DirectPath::TakeFrame(Stream& stream, const FrameReader::Piece& piece) {
  if (!piece.whole) return false;
  if (piece.head.type == wire::FrameType::kData) return TakeData(stream, piece);
  if (piece.head.type != wire::FrameType::kWindowUpdate ||
      piece.head.size != 4) {
    return false;
  }
  // It is told with the rest: until then the first window has to do.
  const int64_t more =
      wire::ReadUint31(piece.bytes.data() + wire::kFrameHeadBytes);
  const int64_t first = nghttp2_session_get_remote_settings(
      http(), NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE);
  if (more == 0 || first + stream.untold().window + more > wire::kWindowMax) {
    return false;
  }
  stream.untold().window += more;
  return true;
}

bool DirectPath::TakeData(Stream& stream, const FrameReader::Piece& piece) {
  const std::string_view payload = piece.bytes.substr(wire::kFrameHeadBytes);
  if (piece.head.flags != wire::kEndStreamFlag || stream.half_closed() ||
      stream.headers().content_length().value_or(payload.size()) !=
          payload.size()) {
    return false;
  }
  running_ = &stream;
  stream.OnDirectBody(payload);
  running_ = nullptr;
  if (stream.is_over() && !stream.queued) session_.Recycle(stream);
  return true;
}

bool DirectPath::TakeWindowUpdate(const FrameReader::Piece& piece) {
  if (piece.head.size != 4) return false;
  const int64_t more =
      wire::ReadUint31(piece.bytes.data() + wire::kFrameHeadBytes);
  const int64_t kept = std::min(more, unseen_sent_);
  if (kept == 0) return false;
  unseen_sent_ -= kept;
  if (more > kept) {
    char rest[4];
    wire::WriteUint32(static_cast<uint32_t>(more - kept), rest);
    TellFrame({.size = 4, .type = wire::FrameType::kWindowUpdate}, {rest, 4});
  }
  if (std::exchange(window_shut_, false)) session_.ResumeAnswers();
  return true;
}

void DirectPath::BeforeHeaders(const FrameReader::Piece& piece) {
  const std::string_view block = piece.bytes.substr(wire::kFrameHeadBytes);
  if (!piece.whole ||
      (piece.head.flags & ~wire::kEndStreamFlag) != wire::kEndHeadersFlag ||
      !wire::KeepsTable(block)) {
    blocks_.Clear();
  } else if (piece.head.flags == wire::kEndHeadersFlag &&
             block.size() <= wire::kHeaderBlockBytesMax &&
             blocks_.Find(block) == nullptr) {
    learning_ = block;
  }
}

void DirectPath::Learn(const Stream& stream) {
  if (!learning_.empty()) {
    blocks_.Learn(learning_,
                  {stream.headers(), stream.method(), stream.caller()});
  }
  learning_ = {};
}

void DirectPath::Adopt(Stream& stream) {
  // nghttp2 takes no number that is lower than one it has seen.
  while (!streams_.empty() && streams_.front()->id() <= stream.id()) {
    Stream& next = *streams_.front();
    streams_.erase(streams_.begin());
    Tell(next);
  }
}

void DirectPath::AdoptAll() {
  if (!streams_.empty()) Adopt(*streams_.back());
}

void DirectPath::Tell(Stream& stream) {
  const Stream::Untold& untold = stream.untold();
  const auto id = static_cast<uint32_t>(stream.id());
  adopting_ = &stream;
  session_.filter().OnPassed(id);
  TellFrame({.size = untold.block.size(),
             .type = wire::FrameType::kHeaders,
             .flags = wire::kEndHeadersFlag,
             .stream = id},
            untold.block);
  if (untold.window > 0) {
    char more[4];
    wire::WriteUint32(static_cast<uint32_t>(untold.window), more);
    TellFrame({.size = 4, .type = wire::FrameType::kWindowUpdate, .stream = id},
              {more, 4});
  }
  if (untold.has_body) {
    // The stream has read it: only its size still matters.
    const std::string zeros(untold.body_bytes, '\0');
    TellFrame({.size = zeros.size(),
               .type = wire::FrameType::kData,
               .flags = wire::kEndStreamFlag,
               .stream = id},
              zeros);
  }
  adopting_ = nullptr;
  stream.OnAdopted();
}

void DirectPath::TellFrame(const wire::FrameHead& head,
                           std::string_view payload) {
  char bytes[wire::kFrameHeadBytes];
  wire::WriteFrameHead(head, bytes);
  TellBytes({bytes, sizeof(bytes)});
  TellBytes(payload);
}

void DirectPath::TellBytes(std::string_view bytes) {
  // Where it fails, it takes and gives nothing more, and the connection ends.
  static_cast<void>(nghttp2_session_mem_recv(
      http(), reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
}

bool DirectPath::MayWrite(size_t bytes) const {
  if (!enabled_ || interrupted_ || !session_.can_write()) return false;
  const std::string& output =
      turn_output_ != nullptr ? *turn_output_ : own_output_;
  return output.size() + bytes < options().output_bytes_max;
}

bool DirectPath::MayAnswer(size_t bytes, const Trailers& trailers) const {
  const auto data = static_cast<int64_t>(bytes);
  return MayWrite(bytes) && data <= window() &&
         data <= nghttp2_session_get_remote_settings(
                     http(), NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE) &&
         AreShort(trailers);
}

bool DirectPath::Reply(Stream& stream, const ReplyBody& response,
                       const Trailers& trailers) {
  const size_t bytes = wire::kMessagePrefixBytes + response.size();
  if (bytes > wire::kFramePayloadMax || !MayAnswer(bytes, trailers))
    return false;
  const auto id = static_cast<uint32_t>(stream.id());
  std::string& out = output();
  GiveWindowBack(&out);
  const size_t begin = out.size();
  const bool is_usual = trailers.empty();
  out.resize(begin + kHeadFrame.size() + wire::kFrameHeadBytes + bytes +
             (is_usual ? kOkFrame.size() : 0));
  char* at = WriteFrame(kHeadFrame, id, out.data() + begin);
  wire::WriteFrameHead(
      {.size = bytes, .type = wire::FrameType::kData, .stream = id}, at);
  at += wire::kFrameHeadBytes;
  wire::WriteMessagePrefix(static_cast<uint32_t>(response.size()), at);
  response.WriteTo(at + wire::kMessagePrefixBytes);
  if (is_usual) {
    WriteFrame(kOkFrame, id, at + bytes);
  } else {
    AppendEnd(id, trailers, &out);
  }
  OnAnswered(stream, bytes);
  return true;
}

bool DirectPath::ReplyFramed(Stream& stream, std::string_view framed,
                             const Trailers& trailers) {
  if (!MayAnswer(framed.size(), trailers)) return false;
  const auto id = static_cast<uint32_t>(stream.id());
  std::string& out = output();
  GiveWindowBack(&out);
  const size_t begin = out.size();
  out.resize(begin + kHeadFrame.size());
  WriteFrame(kHeadFrame, id, out.data() + begin);
  AppendData(id, framed, &out);
  AppendEnd(id, trailers, &out);
  OnAnswered(stream, framed.size());
  return true;
}

void DirectPath::OnAnswered(Stream& stream, size_t bytes) {
  unseen_sent_ += static_cast<int64_t>(bytes);
  unseen_received_ += stream.untold().body_bytes;
  streams_.erase(std::find(streams_.begin(), streams_.end(), &stream));
}

void DirectPath::GiveWindowBack(std::string* output) {
  // Early enough that no client waits, and seldom.
  const auto window = static_cast<size_t>(options().connection_window_bytes);
  if (unseen_received_ < window / 4) return;
  char more[4];
  wire::WriteUint32(static_cast<uint32_t>(unseen_received_), more);
  unseen_received_ = 0;
  AppendHead({.size = 4, .type = wire::FrameType::kWindowUpdate}, output);
  output->append(more, sizeof(more));
}

void DirectPath::TakeOutput(std::string* output) {
  if (!interrupted_) GiveWindowBack(output);
  if (own_output_.empty()) return;
  output->append(own_output_);
  own_output_.clear();
  if (own_output_.capacity() > kKeptOutputMax) own_output_.shrink_to_fit();
}

}  // namespace latchkey
