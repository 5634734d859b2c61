// What Http1Parser makes of bytes does not depend on where they are cut, keeps
// to its limits, and leaves no doubt about where a request ends; and a server
// that they are sent to goes on.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "server/base/check.h"
#include "server/transport/native/http1_parser.h"
#include "tests/fuzz/fuzz_server.h"

namespace latchkey {
namespace {

constexpr Http1Parser::Limits kLimits = {.head_bytes_max = 1'000,
                                         .body_bytes_max = 1'000};

constexpr char kBad[] = "bad";
constexpr char kIncomplete[] = "incomplete";

// All that `text` says, given in pieces of `size`.
std::string Summary(std::string_view text, size_t size) {
  Http1Parser parser(kLimits);
  std::string said;
  std::string body;
  std::string input;
  while (!text.empty()) {
    input += text.substr(0, size);
    text.remove_prefix(std::min(size, text.size()));
    std::string_view left = input;
    while (!left.empty() && !parser.is_whole()) {
      const Http1Parser::Result result = parser.Parse(&left, &body);
      if (result == Http1Parser::Result::kBad) {
        LATCHKEY_CHECK(parser.error_status() >= 400, "it says why");
        // How far it came may differ.
        return kBad;
      }
      if (result == Http1Parser::Result::kNeedMore) break;
      if (result != Http1Parser::Result::kHead) continue;
      const Http1Parser::Head& head = parser.head();
      said += head.method + " " + head.target + " " + head.host + "\n";
      for (const auto& [name, value] : head.headers) {
        said += name + ": " + value + "\n";
      }
      LATCHKEY_CHECK(said.size() <= 2 * kLimits.head_bytes_max,
                     "a head keeps to its limit");
    }
    LATCHKEY_CHECK(body.size() <= kLimits.body_bytes_max,
                   "a body keeps to its limit");
    if (parser.is_whole()) {
      return said + body + "|" + std::string(left) + std::string(text);
    }
    input.erase(0, input.size() - left.size());
    // A session would refuse it.
    if (input.size() > kLimits.head_bytes_max) return kBad;
  }
  return kIncomplete;
}

}  // namespace
}  // namespace latchkey

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static latchkey::FuzzServer* const server = new latchkey::FuzzServer;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1,
                              size - 1);
  // The first byte says where the input is cut.
  const size_t cut = data[0] == 0 ? size : data[0];
  const std::string whole = latchkey::Summary(text, size);
  const std::string pieces = latchkey::Summary(text, cut);
  // Beast looks at a head in pieces only when its end is there.
  const bool is_later =
      pieces == latchkey::kIncomplete && whole == latchkey::kBad;
  // A line without an end is refused for its size.
  LATCHKEY_CHECK(whole == pieces || is_later || size > 900,
                 "a cut changes nothing");
  server->Send("", text, cut);
  return 0;
}
