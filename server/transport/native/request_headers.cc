#include "server/transport/native/request_headers.h"

#include <algorithm>
#include <utility>

#include "proto/wire/base64.h"

namespace latchkey {
namespace {

constexpr std::string_view kContentType = "application/grpc";
constexpr std::string_view kWebContentType = "application/grpc-web";
constexpr std::string_view kWebTextContentType = "application/grpc-web-text";

// Whether `type` is `wanted`, perhaps with "+proto", and either with
// parameters.
bool IsType(std::string_view type, std::string_view wanted) {
  if (!type.starts_with(wanted)) return false;
  type.remove_prefix(wanted.size());
  if (type.starts_with("+proto")) type.remove_prefix(6);
  return type.empty() || type[0] == ';' || type[0] == ' ';
}

// nghttp2 takes no other than a number, and sees to it that it is right.
size_t ParseLength(std::string_view digits) {
  size_t length = 0;
  for (const char digit : digits) {
    length = length * 10 + static_cast<size_t>(digit - '0');
  }
  return length;
}

// What the protocol itself uses, of which handlers see nothing.
bool IsProtocol(std::string_view name) {
  return name == "te" || name == "accept-encoding" || name == "user-agent";
}

// Whether `list`, whose parts are divided by commas, has `token`.
bool HasToken(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    std::string_view part = list.substr(0, comma);
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    if (part == token) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

}  // namespace

BodyKind BodyKindOf(std::string_view type) {
  if (IsType(type, kContentType)) return BodyKind::kGrpc;
  if (IsType(type, kWebContentType)) return BodyKind::kWeb;
  if (IsType(type, kWebTextContentType)) return BodyKind::kWebText;
  return BodyKind::kOther;
}

void RequestHeaders::Add(std::string_view name, std::string_view value) {
  bytes_ += SizeOf(name, value);
  if (too_large()) return;
  if (name.starts_with(':')) {
    if (name == ":path") {
      path_ = Keep(value);
    } else if (name == ":method") {
      method_ = value == "POST"      ? HttpMethod::kPost
                : value == "OPTIONS" ? HttpMethod::kOptions
                                     : HttpMethod::kOther;
    }
  } else if (name == "content-type") {
    body_kind_ = BodyKindOf(value);
  } else if (name == "grpc-timeout") {
    has_timeout_ = true;
    timeout_ = Keep(value);
  } else if (name == "grpc-encoding") {
    encoding_ = Keep(value);
  } else if (name == "grpc-accept-encoding") {
    accepts_gzip_ = HasToken(value, "gzip");
  } else if (name == "content-length") {
    content_length_ = ParseLength(value);
  } else if (!IsProtocol(name)) {
    AddMetadata(name, value);
  }
}

void RequestHeaders::Clear() {
  bytes_ = 0;
  method_ = HttpMethod::kOther;
  body_kind_ = BodyKind::kOther;
  is_malformed_ = has_timeout_ = false;
  content_length_.reset();
  accepts_gzip_ = false;
  path_ = timeout_ = encoding_ = {};
  metadata_.clear();
  text_.clear();
}

std::optional<std::string_view> RequestHeaders::timeout() const {
  if (!has_timeout_) return std::nullopt;
  return View(timeout_);
}

std::optional<std::string_view> RequestHeaders::FindMetadata(
    std::string_view name) const {
  for (const Field& field : metadata_) {
    if (View(field.name) == name) return View(field.value);
  }
  return std::nullopt;
}

RequestHeaders::Range RequestHeaders::Keep(std::string_view text) {
  const auto begin = static_cast<uint32_t>(text_.size());
  text_.append(text);
  return {begin, static_cast<uint32_t>(text.size())};
}

void RequestHeaders::AddMetadata(std::string_view name,
                                 std::string_view value) {
  if (!wire::IsBinaryName(name)) {
    metadata_.push_back({Keep(name), Keep(value)});
    return;
  }
  // Several values may stand in one header; the first one counts.
  const std::optional<std::string> bytes =
      wire::Base64Decode(value.substr(0, value.find(',')));
  if (!bytes.has_value()) {
    is_malformed_ = true;
    return;
  }
  metadata_.push_back({Keep(name), Keep(*bytes)});
}

}  // namespace latchkey
