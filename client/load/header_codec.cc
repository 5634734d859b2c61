#include "client/load/header_codec.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>
#include <vector>

#include "client/load/calls.h"
#include "proto/wire/base64.h"
#include "proto/wire/frame.h"
#include "proto/wire/percent_encoding.h"
#include "proto/wire/timeout.h"

namespace latchkey::load {
namespace {

// What HTTP/2 begins with.
constexpr size_t kTableBytesMax = 4096;

int ParseNumber(std::string_view text, int otherwise) {
  int number = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number);
  return error == std::errc() && end == last && number >= 0 ? number
                                                            : otherwise;
}

void Add(std::string_view name, std::string_view value,
         AnswerHeaders* headers) {
  if (name == ":status") {
    headers->http_status = ParseNumber(value, 0);
  } else if (name == "grpc-status") {
    headers->status = ParseNumber(value, grpc::StatusCode::UNKNOWN);
  } else if (name == "grpc-message") {
    headers->message = wire::PercentDecode(value);
  } else if (name == "grpc-status-details-bin") {
    headers->details = wire::Base64Decode(value).value_or("");
  } else if (name == "grpc-retry-pushback-ms") {
    headers->pushback = ParsePushback(value);
  } else if (name == "latchkey-replayed") {
    headers->replayed = value == "1";
  }
}

nghttp2_hd_deflater* NewDeflater() {
  nghttp2_hd_deflater* deflater = nullptr;
  nghttp2_hd_deflate_new(&deflater, kTableBytesMax);
  return deflater;
}

nghttp2_hd_inflater* NewInflater() {
  nghttp2_hd_inflater* inflater = nullptr;
  nghttp2_hd_inflate_new(&inflater);
  return inflater;
}

}  // namespace

RequestEncoder::RequestEncoder(const SessionOptions& options)
    : authority_(options.authority),
      scheme_(options.tls ? "https" : "http"),
      timeout_(wire::FormatTimeout(options.timeout)),
      authorization_(options.token.empty() ? "" : "Bearer " + options.token),
      deflater_(NewDeflater()) {}

std::string_view RequestEncoder::Encode(const NativeCall& call) {
  const bool usual = call.attempts_before == 0;
  std::string& known = known_[static_cast<size_t>(call.method)];
  if (usual && !known.empty()) return known;
  EncodeAnew(call, &unknown_);
  if (!wire::KeepsTable(unknown_)) {
    // The others may now mean something else.
    known_.fill({});
  } else if (usual) {
    known = unknown_;
  }
  return unknown_;
}

void RequestEncoder::EncodeAnew(const NativeCall& call, std::string* block) {
  const std::string attempts = std::to_string(call.attempts_before);
  std::vector<nghttp2_nv> headers;
  const auto add = [&headers](std::string_view name, std::string_view value) {
    // nghttp2 only reads them.
    headers.push_back(
        {.name = reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
         .value = reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())),
         .namelen = name.size(),
         .valuelen = value.size(),
         .flags = NGHTTP2_NV_FLAG_NONE});
  };
  add(":method", "POST");
  add(":scheme", scheme_);
  add(":path", PathOf(call.method));
  add(":authority", authority_);
  add("te", "trailers");
  add("content-type", "application/grpc");
  add("user-agent", "latchkey-load");
  add("grpc-timeout", timeout_);
  if (!authorization_.empty()) add("authorization", authorization_);
  if (call.attempts_before > 0) add("grpc-previous-rpc-attempts", attempts);
  block->resize(nghttp2_hd_deflate_bound(deflater_.get(), headers.data(),
                                         headers.size()));
  const ssize_t size = nghttp2_hd_deflate_hd(
      deflater_.get(), reinterpret_cast<uint8_t*>(block->data()), block->size(),
      headers.data(), headers.size());
  // It fails only without memory.
  block->resize(size > 0 ? static_cast<size_t>(size) : 0);
}

void RequestEncoder::SetTableBytesMax(size_t bytes) {
  nghttp2_hd_deflate_change_table_size(deflater_.get(),
                                       std::min(bytes, kTableBytesMax));
  known_.fill({});
}

AnswerDecoder::AnswerDecoder() : inflater_(NewInflater()) {}

const AnswerHeaders* AnswerDecoder::Decode(std::string_view block) {
  const bool is_short = block.size() <= wire::kHeaderBlockBytesMax;
  const AnswerHeaders* const known = is_short ? known_.Find(block) : nullptr;
  if (known != nullptr) return known;
  unknown_ = {};
  if (!DecodeAnew(block)) return nullptr;
  if (!wire::KeepsTable(block)) {
    known_.Clear();
  } else if (is_short) {
    known_.Learn(block, unknown_);
  }
  return &unknown_;
}

bool AnswerDecoder::DecodeAnew(std::string_view block) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(block.data());
  size_t left = block.size();
  while (true) {
    nghttp2_nv header;
    int flags = 0;
    const ssize_t taken = nghttp2_hd_inflate_hd2(inflater_.get(), &header,
                                                 &flags, bytes, left, 1);
    if (taken < 0) return false;
    bytes += taken;
    left -= static_cast<size_t>(taken);
    if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
      Add(wire::View(header.name, header.namelen),
          wire::View(header.value, header.valuelen), &unknown_);
    } else if (taken == 0) {
      return false;
    }
  }
  return nghttp2_hd_inflate_end_headers(inflater_.get()) == 0;
}

}  // namespace latchkey::load
