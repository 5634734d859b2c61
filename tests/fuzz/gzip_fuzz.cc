// Inflating stays below its limit whatever it is given, and any bytes survive
// compression.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "server/base/check.h"
#include "server/transport/native/gzip.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kBytesMax = 10'000;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::string inflated;
  const absl::Status status =
      latchkey::InflateGzip(bytes, kBytesMax, &inflated);
  LATCHKEY_CHECK(inflated.size() <= kBytesMax + 1, "the limit holds");
  LATCHKEY_CHECK(status.ok() || absl::IsInternal(status) ||
                     absl::IsResourceExhausted(status),
                 "a bad stream is an error of these codes");
  const std::string deflated = latchkey::DeflateGzip(bytes);
  const bool fits = size <= kBytesMax;
  LATCHKEY_CHECK(
      latchkey::InflateGzip(deflated, kBytesMax, &inflated).ok() == fits,
      "what was compressed inflates");
  LATCHKEY_CHECK(!fits || inflated == bytes, "bytes survive compression");
  return 0;
}
