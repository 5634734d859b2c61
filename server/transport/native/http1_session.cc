#include "server/transport/native/http1_session.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "proto/wire/frame.h"
#include "server/base/check.h"
#include "server/base/string_view.h"
#include "server/transport/native/request_headers.h"
#include "server/transport/native/session.h"

namespace latchkey {
namespace {

// What is understood ahead of what the call takes.
constexpr size_t kBodyBytesMax = 16 * 1024;

// After how many steps the time is looked at.
constexpr int kStepsPerLook = 16;

// Memory that a connection keeps between its turns.
constexpr size_t kKeptBytesMax = 4 * 1024;

Http1Session& SessionOf(void* user) {
  return *static_cast<Http1Session*>(user);
}

int Header(nghttp2_session*, const nghttp2_frame*, const uint8_t* name,
           size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
           void* user) {
  SessionOf(user).OnHeader(wire::View(name, name_size),
                           wire::View(value, value_size));
  return 0;
}

int FrameReceived(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  SessionOf(user).OnFrame(*frame);
  return 0;
}

int DataReceived(nghttp2_session*, uint8_t, int32_t id, const uint8_t* data,
                 size_t size, void* user) {
  SessionOf(user).OnData(id, wire::View(data, size));
  return 0;
}

int StreamClosed(nghttp2_session*, int32_t, uint32_t error, void* user) {
  SessionOf(user).OnClosed(error);
  return 0;
}

ssize_t ReadBody(nghttp2_session*, int32_t, uint8_t* buffer, size_t length,
                 uint32_t* flags, nghttp2_data_source* source, void*) {
  return static_cast<Http1Session*>(source->ptr)
      ->TakeBody(buffer, length, flags);
}

nghttp2_session* NewClient(Http1Session* session) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_option* option = nullptr;
  nghttp2_session* http = nullptr;
  LATCHKEY_CHECK(nghttp2_session_callbacks_new(&callbacks) == 0 &&
                     nghttp2_option_new(&option) == 0,
                 "there is memory for a session");
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks,
                                                       FrameReceived);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks,
                                                            DataReceived);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks,
                                                         StreamClosed);
  // The other end is in this process: nothing is saved by compression.
  nghttp2_option_set_max_deflate_dynamic_table_size(option, 0);
  LATCHKEY_CHECK(
      nghttp2_session_client_new2(&http, callbacks, session, option) == 0,
      "there is memory for a session");
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  return http;
}

std::string_view ReasonOf(std::string_view status) {
  constexpr std::pair<std::string_view, std::string_view> kReasons[] = {
      {"200", "OK"},
      {"204", "No Content"},
      {"400", "Bad Request"},
      {"403", "Forbidden"},
      {"405", "Method Not Allowed"},
      {"408", "Request Timeout"},
      {"413", "Content Too Large"},
      {"415", "Unsupported Media Type"},
      {"417", "Expectation Failed"},
      {"431", "Request Header Fields Too Large"},
      {"501", "Not Implemented"},
      {"503", "Service Unavailable"},
      {"505", "HTTP Version Not Supported"},
  };
  for (const auto& [code, reason] : kReasons) {
    if (code == status) return reason;
  }
  return "Error";
}

// What a request is answered with whose stream was reset before its answer.
int StatusOf(uint32_t error) {
  switch (error) {
    case NGHTTP2_REFUSED_STREAM:
      return 503;
    case NGHTTP2_CANCEL:
      // It did not come in time.
      return 408;
    default:
      return 400;
  }
}

nghttp2_nv Field(std::string_view name, std::string_view value) {
  // nghttp2 copies both and writes through neither.
  return {reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
          reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())),
          name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

// Base64 takes four bytes for three, and a message has a prefix.
uint64_t BodyBytesMax(const NativeServerOptions& options) {
  return uint64_t{options.message_bytes_max} / 3 * 4 + 1024;
}

}  // namespace

Http1Session::Http1Session(Session& session, const NativeServerOptions& options,
                           UnixNanos now)
    : session_(session),
      options_(options),
      limits_{.head_bytes_max = options.metadata_bytes_max,
              .body_bytes_max = BodyBytesMax(options)},
      http_(NewClient(this)),
      begin_time_(now) {
  const nghttp2_settings_entry entry = {NGHTTP2_SETTINGS_ENABLE_PUSH, 0};
  nghttp2_submit_settings(http_, NGHTTP2_FLAG_NONE, &entry, 1);
}

Http1Session::~Http1Session() { nghttp2_session_del(http_); }

bool Http1Session::Receive(std::string_view bytes, UnixNanos now) {
  session_.set_turn_time(now);
  // What follows the end means nothing.
  if (ended_) return true;
  if (input_.empty() && parser_ == nullptr) begin_time_ = now;
  input_.append(bytes);
  ParseInput();
  bool moved = false;
  return TellSession(&moved);
}

bool Http1Session::is_done() const {
  return ready_.empty() && (ended_ || session_.is_done());
}

bool Http1Session::is_congested() const {
  // A head must have room.
  return !has_unreceived() &&
         input_.size() > limits_.head_bytes_max + kReadBytesMax;
}

bool Http1Session::EndLate(UnixNanos now) {
  if (ended_ || stream_ != 0) return false;
  const Nanos passed = now - begin_time_;
  if (parser_ != nullptr || !input_.empty()) {
    if (passed < options_.handshake_time_max) return false;
    Refuse(408);
  } else {
    if (passed < options_.ping_interval) return false;
    ended_ = true;
  }
  return true;
}

bool Http1Session::TellSession(bool* moved) {
  while (true) {
    std::string_view frames = unheard_;
    if (frames.empty()) {
      const uint8_t* bytes = nullptr;
      const ssize_t size = nghttp2_session_mem_send(http_, &bytes);
      if (size < 0) return false;
      if (size == 0) return true;
      frames = wire::View(bytes, static_cast<size_t>(size));
    }
    const size_t before = frames.size();
    if (!session_.Receive(&frames, session_.turn_time())) return false;
    *moved = *moved || frames.size() < before;
    unheard_ = std::string(frames);
    if (!unheard_.empty()) return true;
  }
}

bool Http1Session::FillOutput(std::string* output, size_t bytes_max) {
  while (ready_.size() < bytes_max && !broken_) {
    bool moved = false;
    ParseInput();
    if (!TellSession(&moved)) return false;
    std::string frames;
    if (!session_.FillOutput(&frames, bytes_max)) return false;
    if (!moved && frames.empty()) break;
    if (nghttp2_session_mem_recv(
            http_, reinterpret_cast<const uint8_t*>(frames.data()),
            frames.size()) != static_cast<ssize_t>(frames.size())) {
      return false;
    }
  }
  if (broken_) return false;
  output->append(ready_);
  ready_.clear();
  if (ready_.capacity() > kKeptBytesMax) ready_.shrink_to_fit();
  return true;
}

void Http1Session::ParseInput() {
  std::string_view input = input_;
  turn_is_over_ = false;
  for (int step = 0;
       !ended_ && !input.empty() && body_.size() - body_begin_ < kBodyBytesMax;
       ++step) {
    // Sent ahead: it is answered when the one before it has been.
    if (parser_ == nullptr && stream_ != 0) break;
    if ((parser_ == nullptr || step % kStepsPerLook == 1) &&
        session_.TurnIsOver()) {
      turn_is_over_ = true;
      break;
    }
    if (parser_ == nullptr) {
      // An empty line before a request is a habit of old clients.
      if (input.starts_with("\r\n")) {
        input.remove_prefix(2);
        continue;
      }
      if (input == "\r") break;
      parser_ = std::make_unique<Http1Parser>(limits_);
      body_whole_ = body_sent_ = false;
    }
    const std::string_view line = input.substr(0, input.find('\n'));
    const Http1Parser::Result result = parser_->Parse(&input, &body_);
    if (result == Http1Parser::Result::kBad) {
      if (!has_requests_ && line.find("HTTP/") == std::string_view::npos) {
        // It may as well be a bad beginning of HTTP/2, which must end.
        ended_ = true;
      } else {
        Refuse(parser_->error_status());
      }
    } else if (result == Http1Parser::Result::kHead) {
      BeginRequest();
    } else if (result == Http1Parser::Result::kNeedMore) {
      // A line of a chunk, or what follows the last one, without an end.
      if (input.size() > limits_.head_bytes_max) Refuse(431);
      break;
    }
    if (!ended_ && parser_->is_whole()) {
      body_whole_ = true;
      parser_.reset();
    }
  }
  if (stream_ != 0) nghttp2_session_resume_data(http_, stream_);
  if (ended_) input = {};
  input_.erase(0, input_.size() - input.size());
  if (input_.empty() && input_.capacity() > kKeptBytesMax) {
    input_.shrink_to_fit();
  }
}

void Http1Session::BeginRequest() {
  const Http1Parser::Head& head = parser_->head();
  keeps_alive_ = head.keeps_alive;
  if (head.method == "HEAD") {
    // The answer must not have a body.
    Refuse(405);
    return;
  }
  std::vector<nghttp2_nv> fields = {
      Field(":method", head.method), Field(":scheme", "http"),
      Field(":authority", head.host), Field(":path", head.target)};
  for (const auto& [name, value] : head.headers) {
    // Native calls need trailers, which HTTP/1.1 has no usual way to send.
    if (name == "content-type" && BodyKindOf(value) == BodyKind::kGrpc) {
      Refuse(415);
      return;
    }
    fields.push_back(Field(name, value));
  }
  status_.clear();
  headers_.clear();
  answer_begun_ = answer_ended_ = false;
  nghttp2_data_provider provider;
  provider.source.ptr = this;
  provider.read_callback = ReadBody;
  const int32_t stream = nghttp2_submit_request(
      http_, nullptr, fields.data(), fields.size(), &provider, nullptr);
  if (stream < 0) {
    // There were so many requests that their numbers are used up.
    Refuse(503);
    return;
  }
  stream_ = stream;
  has_requests_ = true;
  if (head.expects_continue) ready_ += "HTTP/1.1 100 Continue\r\n\r\n";
}

ssize_t Http1Session::TakeBody(uint8_t* buffer, size_t length,
                               uint32_t* flags) {
  const size_t size = std::min(length, body_.size() - body_begin_);
  std::memcpy(buffer, body_.data() + body_begin_, size);
  body_begin_ += size;
  if (body_begin_ < body_.size()) return static_cast<ssize_t>(size);
  body_.clear();
  body_begin_ = 0;
  if (body_.capacity() > kKeptBytesMax) body_.shrink_to_fit();
  if (body_whole_) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    body_sent_ = true;
  } else if (size == 0) {
    return NGHTTP2_ERR_DEFERRED;
  }
  return static_cast<ssize_t>(size);
}

void Http1Session::OnHeader(std::string_view name, std::string_view value) {
  if (answer_begun_) return;
  if (name == ":status") {
    status_ = value;
  } else {
    absl::StrAppend(&headers_, ToAbsl(name), ": ", ToAbsl(value), "\r\n");
  }
}

void Http1Session::OnFrame(const nghttp2_frame& frame) {
  if (frame.hd.type == NGHTTP2_GOAWAY) {
    closing_ = true;
    if (stream_ == 0) ended_ = true;
    return;
  }
  if (frame.hd.stream_id != stream_ || stream_ == 0) return;
  const bool ends = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (frame.hd.type == NGHTTP2_HEADERS) {
    if (!answer_begun_) BeginAnswer(ends);
  } else if (frame.hd.type == NGHTTP2_DATA && ends && !answer_ended_) {
    ready_ += "0\r\n\r\n";
    EndAnswer();
  }
}

void Http1Session::BeginAnswer(bool is_whole) {
  answer_begun_ = true;
  // Where the client still sends, nobody will read it, and who does not speak
  // gRPC-Web has no more to say.
  if (closing_ || (is_whole && !body_sent_) ||
      (status_ != "200" && status_ != "204")) {
    keeps_alive_ = false;
  }
  absl::StrAppend(&ready_, "HTTP/1.1 ", status_, " ", ToAbsl(ReasonOf(status_)),
                  "\r\n", headers_);
  if (!keeps_alive_) ready_ += "connection: close\r\n";
  if (!is_whole) {
    ready_ += "transfer-encoding: chunked\r\n";
  } else if (status_ != "204") {
    ready_ += "content-length: 0\r\n";
  }
  ready_ += "\r\n";
  if (is_whole) EndAnswer();
}

void Http1Session::OnData(int32_t id, std::string_view data) {
  if (id != stream_ || answer_ended_ || data.empty()) return;
  absl::StrAppend(&ready_, absl::Hex(data.size()), "\r\n", ToAbsl(data),
                  "\r\n");
}

void Http1Session::EndAnswer() {
  answer_ended_ = true;
  begin_time_ = session_.turn_time();
  if (!keeps_alive_ || closing_ || !body_sent_) ended_ = true;
}

void Http1Session::OnClosed(uint32_t error) {
  stream_ = 0;
  body_.clear();
  body_begin_ = 0;
  if (answer_ended_ || ended_) return;
  if (answer_begun_) {
    broken_ = true;
  } else {
    Refuse(StatusOf(error));
  }
}

void Http1Session::Refuse(int status) {
  if (answer_begun_ && !answer_ended_) {
    // It would stand inside of another answer.
    broken_ = true;
    return;
  }
  ended_ = answer_begun_ = answer_ended_ = true;
  const std::string code = absl::StrCat(status);
  absl::StrAppend(&ready_, "HTTP/1.1 ", code, " ", ToAbsl(ReasonOf(code)),
                  "\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
  if (stream_ != 0) {
    nghttp2_submit_rst_stream(http_, NGHTTP2_FLAG_NONE, stream_,
                              NGHTTP2_CANCEL);
  }
}

}  // namespace latchkey
