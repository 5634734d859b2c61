// The answering half of Stream.

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "proto/wire/base64.h"
#include "proto/wire/percent_encoding.h"
#include "server/base/string_view.h"
#include "server/transport/native/cors.h"
#include "server/transport/native/gzip.h"
#include "server/transport/native/session.h"
#include "server/transport/native/stream.h"
#include "server/transport/native/worker.h"

namespace latchkey {
namespace {

uint8_t* Bytes(std::string_view text) {
  // nghttp2 takes names and values by pointers that it does not write through.
  return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
}

// A header of constants.
nghttp2_nv Constant(std::string_view name, std::string_view value) {
  return {Bytes(name), Bytes(value), name.size(), value.size(),
          NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
}

// A header whose value differs from call to call, and would only push others
// out of HPACK's table.  nghttp2 copies it.
nghttp2_nv Variable(std::string_view name, std::string_view value) {
  return {Bytes(name), Bytes(value), name.size(), value.size(),
          NGHTTP2_NV_FLAG_NO_INDEX};
}

const nghttp2_nv kHead[] = {
    Constant(":status", "200"),
    Constant("content-type", "application/grpc"),
};

constexpr std::string_view kWebType = "application/grpc-web+proto";
constexpr std::string_view kWebTextType = "application/grpc-web-text+proto";

// What the frame of a gRPC-Web answer begins with that holds its trailers.
constexpr char kTrailersFlag = '\x80';

constexpr std::string_view kCodes[] = {"0",  "1",  "2",  "3",  "4",  "5",
                                       "6",  "7",  "8",  "9",  "10", "11",
                                       "12", "13", "14", "15", "16"};

ssize_t ReadReply(nghttp2_session*, int32_t, uint8_t*, size_t length,
                  uint32_t* flags, nghttp2_data_source* source, void*) {
  return static_cast<Stream*>(source->ptr)->OfferReply(length, flags);
}

// The headers that begin or end an answer, and what they refer to.
class AnswerHeaders {
 public:
  void Add(nghttp2_nv header) { headers_.push_back(header); }

  void Add(const WireStatus& status, const Trailers& trailers) {
    Add(Constant("grpc-status", kCodes[status.code]));
    if (!status.message.empty()) {
      message_ = wire::PercentEncode(status.message);
      Add(Variable("grpc-message", message_));
    }
    if (!status.details.empty()) {
      details_ = wire::Base64Encode(status.details);
      Add(Variable("grpc-status-details-bin", details_));
    }
    Add(trailers);
  }

  void Add(const Trailers& metadata) {
    for (const auto& [name, value] : metadata) {
      if (wire::IsBinaryName(name)) {
        binary_.push_back(wire::Base64Encode(value));
        Add(Variable(name, binary_.back()));
      } else {
        Add(Variable(name, value));
      }
    }
  }

  // What lets a page of an origin see the answer, where there is one.
  void AddOrigin(std::string_view allowed) {
    if (allowed.empty()) return;
    Add(Variable("access-control-allow-origin", allowed));
    // So that a cache keeps it from other origins.
    Add(Constant("vary", "origin"));
  }

  // As lines of text.
  std::string ToText() const {
    std::string text;
    for (const nghttp2_nv& header : headers_) {
      absl::StrAppend(&text, ToAbsl(wire::View(header.name, header.namelen)),
                      ": ", ToAbsl(wire::View(header.value, header.valuelen)),
                      "\r\n");
    }
    return text;
  }

  const nghttp2_nv* data() const { return headers_.data(); }
  size_t size() const { return headers_.size(); }

 private:
  std::vector<nghttp2_nv> headers_;
  std::string message_;
  std::string details_;
  // Its elements stay where they are.
  std::deque<std::string> binary_;
};

// What an answer begins with; `web` is the stream's.
AnswerHeaders HeadOf(const auto* web) {
  AnswerHeaders headers;
  if (web == nullptr) {
    for (const nghttp2_nv& header : kHead) headers.Add(header);
    return headers;
  }
  headers.Add(Constant(":status", "200"));
  headers.Add(
      Constant("content-type", web->text_answer ? kWebTextType : kWebType));
  headers.AddOrigin(web->allowed_origin);
  if (!web->allowed_origin.empty()) {
    headers.Add(Constant("access-control-expose-headers", kExposedHeaders));
  }
  return headers;
}

}  // namespace

void Stream::Reply(const ReplyBody& response, Trailers trailers) {
  if (direct_ && !closed_ && !ending_ && has_usual_head() &&
      session_->direct().Reply(*this, response, trailers)) {
    finished_ = ending_ = true;
    OnAnsweredDirectly();
    return;
  }
  const LargeReply* const large = response.large();
  const bool keeps = large != nullptr && !packs();
  reply_.resize(wire::kMessagePrefixBytes +
                (keeps ? large->head.size() : response.size()));
  wire::WriteMessagePrefix(static_cast<uint32_t>(response.size()),
                           reply_.data());
  char* const begin = reply_.data() + wire::kMessagePrefixBytes;
  if (keeps) {
    std::memcpy(begin, large->head.data(), large->head.size());
    large_ = std::make_unique<Large>(
        Large{reply_.size(), large->bytes, large->owner});
    reply_ += large->tail;
  } else {
    response.WriteTo(begin);
    PackReply();
  }
  Finish(WireStatus{}, std::move(trailers));
}

void Stream::ReplyFramed(std::string framed, Trailers trailers) {
  reply_ = std::move(framed);
  PackReply();
  Finish(WireStatus{}, std::move(trailers));
}

void Stream::Finish(WireStatus status, Trailers trailers) {
  finished_ = true;
  if (closed_) {
    session_->Queue(*this);
    session_->RequestTurn();
  } else if (!ending_) {
    End(std::move(status), std::move(trailers));
  }
}

void Stream::SendFramed(std::string framed) {
  if (closed_ || ending_) return;
  reply_ = std::move(framed);
  reply_taken_ = 0;
  PackReply();
  SubmitReply();
}

bool Stream::packs() const {
  return compresses() || (web_ != nullptr && web_->text_answer);
}

bool Stream::compresses() const {
  return headers_.accepts_gzip() && headers_.encoding() == "gzip";
}

bool Stream::has_usual_head() const {
  return web_ == nullptr && !compresses() && call_->answer_headers().empty();
}

void Stream::PackReply() {
  CompressReply();
  if (web_ != nullptr && web_->text_answer) {
    reply_ = wire::Base64EncodePadded(reply_);
  }
}

void Stream::AppendWebTrailers() {
  AnswerHeaders headers;
  headers.Add(status_, trailers_);
  const std::string text = headers.ToText();
  std::string frame(wire::kMessagePrefixBytes, '\0');
  wire::WriteMessagePrefix(static_cast<uint32_t>(text.size()), frame.data());
  frame[0] = kTrailersFlag;
  frame += text;
  reply_ += web_->text_answer ? wire::Base64EncodePadded(frame) : frame;
}

void Stream::CompressReply() {
  // Below this zlib's own memory costs more than the bytes.
  constexpr size_t kCompressBytesMin = 512;
  if (!compresses() || reply_.size() < kCompressBytesMin) return;
  const std::string bytes =
      DeflateGzip(std::string_view(reply_).substr(wire::kMessagePrefixBytes));
  if (bytes.empty() || bytes.size() >= reply_.size()) return;
  wire::WriteMessagePrefix(static_cast<uint32_t>(bytes.size()), reply_.data());
  reply_[0] = 1;
  reply_.replace(wire::kMessagePrefixBytes, std::string::npos, bytes);
}

void Stream::WantMessage() {
  if (closed_ || ending_) return;
  wants_message_ = true;
  session_->Queue(*this);
  session_->RequestTurn();
}

void Stream::OnPosted() {
  if (!is_over()) return;
  session_->Queue(*this);
  session_->RequestTurn();
}

void Stream::AnswerInstead(const absl::Status& error) {
  End(ToWireStatus(error), {});
  call_->End(EndReason::kClientCancelled, worker_.time_source().Now());
  if (handler_ == nullptr) return;
  cancelled_ = true;
  session_->Queue(*this);
}

void Stream::End(WireStatus status, Trailers trailers) {
  ending_ = true;
  end_time_ = session_->turn_time();
  status_ = std::move(status);
  trailers_ = std::move(trailers);
  if (!direct_) {
    SubmitEnd();
  } else if (!AnswerDirectly()) {
    // This may be inside nghttp2, which cannot be told anything then.
    CountReply(reply_left());
    session_->Queue(*this);
    session_->RequestTurn();
  }
}

void Stream::SubmitEnd() {
  if (cancelled_ && reply_left() > 0) {
    // The client may never read the rest, and a status goes behind it.
    Reset(NGHTTP2_CANCEL);
  } else if (submitted_ || reply_left() > 0 ||
             !call_->answer_headers().empty()) {
    if (web_ != nullptr) AppendWebTrailers();
    SubmitReply();
  } else {
    SubmitTrailersOnly();
  }
  session_->RequestTurn();
}

bool Stream::AnswerDirectly() {
  if (status_.code != 0 || !has_usual_head() || large_ != nullptr ||
      !session_->direct().ReplyFramed(*this, reply_, trailers_)) {
    return false;
  }
  reply_taken_ = reply_.size();
  OnAnsweredDirectly();
  return true;
}

void Stream::OnAnsweredDirectly() {
  direct_ = false;
  closed_ = true;
  if (!session_->direct().is_running(*this)) {
    session_->Queue(*this);
    session_->RequestTurn();
  }
}

void Stream::SubmitReply() {
  CountReply(reply_left());
  int result = 0;
  if (submitted_) {
    // Where it was not waiting, nghttp2 comes for the rest anyway.
    nghttp2_session_resume_data(http_, id_);
  } else {
    submitted_ = true;
    nghttp2_data_provider provider;
    provider.source.ptr = this;
    provider.read_callback = ReadReply;
    if (has_usual_head()) {
      result = nghttp2_submit_response(http_, id_, kHead, std::size(kHead),
                                       &provider);
    } else {
      AnswerHeaders headers = HeadOf(web_.get());
      if (compresses()) headers.Add(Constant("grpc-encoding", "gzip"));
      headers.Add(call_->answer_headers());
      result = nghttp2_submit_response(http_, id_, headers.data(),
                                       headers.size(), &provider);
    }
  }
  if (result != 0) Reset(NGHTTP2_INTERNAL_ERROR);
  session_->RequestTurn();
}

void Stream::SubmitHttpRefusal() {
  ending_ = submitted_ = true;
  end_time_ = session_->turn_time();
  AnswerHeaders head;
  head.Add(Constant(":status", http_refusal_));
  nghttp2_data_provider provider;
  provider.source.ptr = this;
  provider.read_callback = ReadReply;
  std::string allowed_headers;
  if (web_ != nullptr) {
    // A browser asks what its page may send.
    allowed_headers = AllowedHeaders(
        headers_.FindMetadata("access-control-request-headers").value_or(""));
    head.AddOrigin(web_->allowed_origin);
    head.Add(Constant("access-control-allow-methods", "POST"));
    head.Add(Variable("access-control-allow-headers", allowed_headers));
    head.Add(Constant("access-control-max-age", kPreflightSecondsMax));
  } else {
    head.Add(Constant("content-type", "text/plain"));
    // For who looks at it with a browser.
    reply_ = "This is a gRPC server.\n";
  }
  if (nghttp2_submit_response(http_, id_, head.data(), head.size(),
                              reply_.empty() ? nullptr : &provider) != 0) {
    Reset(NGHTTP2_INTERNAL_ERROR);
  }
}

void Stream::SubmitTrailersOnly() {
  submitted_ = true;
  AnswerHeaders headers = HeadOf(web_.get());
  headers.Add(status_, trailers_);
  if (nghttp2_submit_response(http_, id_, headers.data(), headers.size(),
                              nullptr) != 0) {
    Reset(NGHTTP2_INTERNAL_ERROR);
  }
}

void Stream::SubmitTrailers() {
  int result = 0;
  if (status_.code == 0 && trailers_.empty()) {
    // Almost all answers: nothing to put together.
    static const nghttp2_nv ok = Constant("grpc-status", "0");
    result = nghttp2_submit_trailer(http_, id_, &ok, 1);
  } else {
    AnswerHeaders headers;
    headers.Add(status_, trailers_);
    result = nghttp2_submit_trailer(http_, id_, headers.data(), headers.size());
  }
  if (result != 0) Reset(NGHTTP2_INTERNAL_ERROR);
}

void Stream::Reset(uint32_t code) {
  ending_ = true;
  LeaveDirectPath();
  nghttp2_submit_rst_stream(http_, NGHTTP2_FLAG_NONE, id_, code);
}

ssize_t Stream::OfferReply(size_t length, uint32_t* flags) {
  const size_t left = reply_left();
  if (left == 0 && !ending_) return NGHTTP2_ERR_DEFERRED;
  const int64_t window = session_->direct().window();
  const size_t offered = std::min(
      {left, length, static_cast<size_t>(std::max<int64_t>(window, 0))});
  if (offered == 0 && left > 0) {
    session_->direct().WaitForWindow();
    return NGHTTP2_ERR_DEFERRED;
  }
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (offered == left && ending_) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (http_refusal_ == nullptr && web_ == nullptr) {
      *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      SubmitTrailers();
    }
  }
  return static_cast<ssize_t>(offered);
}

void Stream::TakeReply(size_t length, std::string* out) {
  std::string_view rest(reply_);
  if (large_ == nullptr) {
    out->append(rest.substr(reply_taken_, length));
    reply_taken_ += length;
  } else {
    const std::string_view parts[] = {rest.substr(0, large_->begin),
                                      large_->bytes,
                                      rest.substr(large_->begin)};
    size_t begin = 0;
    for (const std::string_view part : parts) {
      if (length > 0 && reply_taken_ < begin + part.size()) {
        const std::string_view taken =
            part.substr(reply_taken_ - begin, length);
        out->append(taken);
        reply_taken_ += taken.size();
        length -= taken.size();
      }
      begin += part.size();
    }
  }
  CountReply(reply_left());
  if (reply_left() == 0 && !ending_) {
    sent_ = true;
    session_->Queue(*this);
  }
}

void Stream::CountReply(size_t bytes) {
  worker_.reply_bytes += bytes - reply_counted_;
  if (session_ != nullptr) session_->reply_bytes += bytes - reply_counted_;
  reply_counted_ = bytes;
}

}  // namespace latchkey
