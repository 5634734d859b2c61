#include "server/transport/native/http1_parser.h"

// Beast asserts that five bytes are there of the last chunk, which is wrong
// where that is the first, too: without NDEBUG such a body of two parts would
// abort.  Its code does what is right there.
#define BOOST_DISABLE_ASSERTS

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/string_view.h"

namespace latchkey {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr int kBadRequest = 400;
constexpr int kContentTooLarge = 413;
constexpr int kExpectationFailed = 417;
constexpr int kHeadTooLarge = 431;
constexpr int kNotImplemented = 501;
constexpr int kVersionNotSupported = 505;

// HTTP/2's size of a header beside its name and value.
constexpr size_t kHeaderOverheadBytes = 32;

std::string_view View(beast::string_view text) {
  return {text.data(), text.size()};
}

// What is about the connection, and so not for HTTP/2.
bool IsAboutConnection(http::field field, std::string_view name) {
  switch (field) {
    case http::field::connection:
    case http::field::content_length:
    case http::field::expect:
    case http::field::host:
    case http::field::http2_settings:
    case http::field::keep_alive:
    case http::field::proxy_connection:
    case http::field::te:
    case http::field::transfer_encoding:
    case http::field::upgrade:
      return true;
    default:
      return name.starts_with(':');
  }
}

}  // namespace

class Http1Parser::Request final : public http::basic_parser<true> {
 public:
  explicit Request(const Limits& limits)
      : head_bytes_max_(limits.head_bytes_max) {
    header_limit(static_cast<uint32_t>(limits.head_bytes_max));
    body_limit(limits.body_bytes_max);
  }

  Result Step(std::string_view* input, std::string* body) {
    body_ = body;
    event_ = Result::kNeedMore;
    while (!input->empty()) {
      beast::error_code error;
      const size_t taken =
          put(boost::asio::const_buffer(input->data(), input->size()), error);
      input->remove_prefix(taken);
      if (error && error != http::error::need_more) {
        if (status_ == 0) status_ = StatusOf(error);
        return Result::kBad;
      }
      if (event_ != Result::kNeedMore) return event_;
      if (is_done()) return Result::kBody;
      if (error == http::error::need_more) return event_;
    }
    return event_;
  }

  const Head& head() const { return head_; }
  int status() const { return status_; }

 private:
  static int StatusOf(const beast::error_code& error) {
    if (error == http::error::header_limit) return kHeadTooLarge;
    if (error == http::error::body_limit) return kContentTooLarge;
    if (error == http::error::bad_version) return kVersionNotSupported;
    return kBadRequest;
  }

  // Beast's way to stop.
  void Refuse(int status, beast::error_code& error) {
    status_ = status;
    error = http::error::bad_value;
  }

  void on_request_impl(http::verb, beast::string_view method,
                       beast::string_view target, int version,
                       beast::error_code& error) override {
    head_.method = View(method);
    head_.target = View(target);
    CountHead(head_.method.size() + head_.target.size(), error);
    // Nothing that speaks it calls us, and it has no chunks to answer with.
    if (version != 11) Refuse(kVersionNotSupported, error);
  }

  void on_field_impl(http::field field, beast::string_view name,
                     beast::string_view value,
                     beast::error_code& error) override {
    // What follows the last chunk means nothing to gRPC-Web.
    if (head_done_) return;
    const std::string_view text = View(value);
    CountHead(name.size() + text.size() + kHeaderOverheadBytes, error);
    switch (field) {
      case http::field::host:
        if (++hosts_ > 1) Refuse(kBadRequest, error);
        head_.host = text;
        return;
      case http::field::content_length:
        // Beast takes the same number several times.
        if (++lengths_ > 1 ||
            !std::all_of(text.begin(), text.end(), [](char c) {
              return absl::ascii_isdigit(static_cast<unsigned char>(c));
            })) {
          Refuse(kBadRequest, error);
        }
        return;
      case http::field::transfer_encoding:
        // Beast takes what does not end in "chunked" for no body.
        if (!absl::EqualsIgnoreCase(ToAbsl(text), "chunked")) {
          Refuse(kNotImplemented, error);
        }
        return;
      case http::field::expect:
        head_.expects_continue =
            absl::EqualsIgnoreCase(ToAbsl(text), "100-continue");
        if (!head_.expects_continue) Refuse(kExpectationFailed, error);
        return;
      default:
        break;
    }
    const std::string_view name_text = View(name);
    if (IsAboutConnection(field, name_text)) return;
    head_.headers.emplace_back(absl::AsciiStrToLower(ToAbsl(name_text)), text);
  }

  void on_header_impl(beast::error_code& error) override {
    if (hosts_ == 0) {
      Refuse(kBadRequest, error);
      return;
    }
    head_done_ = true;
    head_.keeps_alive = keep_alive();
    event_ = Result::kHead;
  }

  size_t on_body_impl(beast::string_view body, beast::error_code&) override {
    return Keep(body);
  }
  size_t on_chunk_body_impl(uint64_t, beast::string_view body,
                            beast::error_code&) override {
    return Keep(body);
  }

  void on_response_impl(int, beast::string_view, int,
                        beast::error_code&) override {}
  void on_body_init_impl(const boost::optional<uint64_t>&,
                         beast::error_code&) override {}
  void on_chunk_header_impl(uint64_t, beast::string_view,
                            beast::error_code&) override {}
  void on_finish_impl(beast::error_code&) override {}

  size_t Keep(beast::string_view body) {
    body_->append(body.data(), body.size());
    event_ = Result::kBody;
    return body.size();
  }

  void CountHead(size_t bytes, beast::error_code& error) {
    head_bytes_ += bytes;
    if (head_bytes_ > head_bytes_max_) Refuse(kHeadTooLarge, error);
  }

  const size_t head_bytes_max_;
  Head head_;
  std::string* body_ = nullptr;
  Result event_ = Result::kNeedMore;
  size_t head_bytes_ = 0;
  int hosts_ = 0;
  int lengths_ = 0;
  int status_ = 0;
  bool head_done_ = false;
};

Http1Parser::Http1Parser(const Limits& limits)
    : request_(std::make_unique<Request>(limits)) {}

Http1Parser::~Http1Parser() = default;

Http1Parser::Result Http1Parser::Parse(std::string_view* input,
                                       std::string* body) {
  return request_->Step(input, body);
}

bool Http1Parser::is_whole() const { return request_->is_done(); }

const Http1Parser::Head& Http1Parser::head() const { return request_->head(); }

int Http1Parser::error_status() const { return request_->status(); }

}  // namespace latchkey
