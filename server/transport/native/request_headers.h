// RequestHeaders keeps what the headers of one request say: the parts that the
// transport acts on, and the metadata that handlers may ask for.
//
// Thread safety: Add() and Clear() belong to the connection's thread; once all
// headers are there the rest may be called from any thread.
//
// Lifetime: views live until Clear().

#ifndef LATCHKEY_SERVER_TRANSPORT_NATIVE_REQUEST_HEADERS_H_
#define LATCHKEY_SERVER_TRANSPORT_NATIVE_REQUEST_HEADERS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace latchkey {

// What a content type says of a body: messages of gRPC, of gRPC-Web, or the
// Base64 of those.
enum class BodyKind : uint8_t { kOther, kGrpc, kWeb, kWebText };

// Of `type`, as "application/grpc-web-text+proto".
BodyKind BodyKindOf(std::string_view type);

class RequestHeaders {
 public:
  // `bytes_max` is for all headers, as HTTP/2 counts them.
  explicit RequestHeaders(size_t bytes_max) : bytes_max_(bytes_max) {}

  // HTTP/2's size of a header.
  static size_t SizeOf(std::string_view name, std::string_view value) {
    return name.size() + value.size() + 32;
  }

  // Takes one header.  What is over the limit is not kept.
  void Add(std::string_view name, std::string_view value);

  // Forgets all; keeps the memory.
  void Clear();

  bool too_large() const { return bytes_ > bytes_max_; }

  // Whether the method is POST, and the content type one of gRPC's with
  // protobuf messages.
  bool is_post() const { return method_ == HttpMethod::kPost; }
  bool is_grpc() const { return body_kind_ == BodyKind::kGrpc; }

  bool is_options() const { return method_ == HttpMethod::kOptions; }
  BodyKind body_kind() const { return body_kind_; }

  // `content-length`, or nothing.
  std::optional<size_t> content_length() const { return content_length_; }

  // Whether metadata that must be Base64 is not.
  bool is_malformed() const { return is_malformed_; }

  std::string_view path() const { return View(path_); }

  // `grpc-timeout`, or nothing.
  std::optional<std::string_view> timeout() const;

  // `grpc-encoding`; empty where there is none.
  std::string_view encoding() const { return View(encoding_); }

  // Whether the client reads answers that are compressed with gzip.
  bool accepts_gzip() const { return accepts_gzip_; }

  // The first value of the metadata `name`, in lower case; bytes where the name
  // ends in "-bin".
  std::optional<std::string_view> FindMetadata(std::string_view name) const;

 private:
  enum class HttpMethod : uint8_t { kOther, kPost, kOptions };

  struct Range {
    uint32_t begin = 0;
    uint32_t size = 0;
  };
  struct Field {
    Range name;
    Range value;
  };

  Range Keep(std::string_view text);
  std::string_view View(Range range) const {
    return std::string_view(text_).substr(range.begin, range.size);
  }
  void AddMetadata(std::string_view name, std::string_view value);

  size_t bytes_max_;

  size_t bytes_ = 0;
  HttpMethod method_ = HttpMethod::kOther;
  BodyKind body_kind_ = BodyKind::kOther;
  bool is_malformed_ = false;
  bool has_timeout_ = false;
  bool accepts_gzip_ = false;
  std::optional<size_t> content_length_;
  Range path_;
  Range timeout_;
  Range encoding_;
  std::vector<Field> metadata_;
  // What the ranges are of.
  std::string text_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_TRANSPORT_NATIVE_REQUEST_HEADERS_H_
