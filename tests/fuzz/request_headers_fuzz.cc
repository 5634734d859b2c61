// RequestHeaders take any names and values, keep within their limit, and mean
// the same when they are copied or used again.
//
// The input is lines of a name, a tab, and a value.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proto/wire/timeout.h"
#include "server/base/check.h"
#include "server/transport/native/request_headers.h"

namespace latchkey {
namespace {

void AddAll(std::string_view text, RequestHeaders* headers) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const size_t tab = std::min(line.find('\t'), line.size());
    headers->Add(line.substr(0, tab),
                 line.substr(std::min(tab + 1, line.size())));
  }
}

std::string Summary(const RequestHeaders& headers) {
  std::string text(headers.path());
  text += '\n';
  text += headers.encoding();
  text += '\n';
  text += headers.timeout().value_or("none");
  text += '\n';
  text += headers.FindMetadata("x").value_or("none");
  text += headers.FindMetadata("x-bin").value_or("none");
  for (const bool flag :
       {headers.is_grpc(), headers.is_post(), headers.is_malformed(),
        headers.too_large(), headers.accepts_gzip()}) {
    text += flag ? '1' : '0';
  }
  return text;
}

}  // namespace
}  // namespace latchkey

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using latchkey::RequestHeaders;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  RequestHeaders headers(1'000);
  latchkey::AddAll(text, &headers);
  if (size > 1'500 && text.find('\n') == std::string_view::npos) {
    LATCHKEY_CHECK(headers.too_large(), "a large header is over the limit");
  }
  const std::string first = latchkey::Summary(headers);
  const RequestHeaders copy = headers;
  headers.Clear();
  LATCHKEY_CHECK(
      latchkey::Summary(headers) == latchkey::Summary(RequestHeaders(1'000)),
      "nothing is left after Clear()");
  latchkey::AddAll(text, &headers);
  LATCHKEY_CHECK(
      latchkey::Summary(headers) == first && latchkey::Summary(copy) == first,
      "headers mean the same again");
  if (const auto timeout = headers.timeout(); timeout.has_value()) {
    static_cast<void>(latchkey::wire::ParseTimeout(*timeout));
  }
  return 0;
}
