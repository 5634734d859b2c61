// Texts of gRPC's headers: what was read and is written again means the same,
// and any bytes survive their encoding.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proto/wire/base64.h"
#include "proto/wire/base64_reader.h"
#include "proto/wire/percent_encoding.h"
#include "proto/wire/timeout.h"
#include "server/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace wire = latchkey::wire;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto nanos = wire::ParseTimeout(text); nanos.has_value()) {
    LATCHKEY_CHECK(*nanos >= 0 && text.size() >= 2 && text.size() <= 9,
                   "a timeout has digits and a unit");
    const auto again = wire::ParseTimeout(wire::FormatTimeout(*nanos));
    LATCHKEY_CHECK(again.has_value() && *again >= *nanos,
                   "a timeout is written as no less");
  }
  LATCHKEY_CHECK(wire::Base64Decode(wire::Base64Encode(text)) == text,
                 "bytes survive Base64");
  if (const auto bytes = wire::Base64Decode(text); bytes.has_value()) {
    LATCHKEY_CHECK(wire::Base64Decode(wire::Base64Encode(*bytes)) == bytes,
                   "what was Base64 is");
  }
  // As gRPC-Web's text, it means the same in pieces.
  wire::Base64Reader whole_reader;
  wire::Base64Reader cut_reader;
  std::string whole;
  std::string pieces;
  const bool good = whole_reader.Read(text, &whole);
  bool cut_good = true;
  for (size_t i = 0; i < size && cut_good; ++i) {
    cut_good = cut_reader.Read(text.substr(i, 1), &pieces);
  }
  LATCHKEY_CHECK(good == cut_good && (!good || whole == pieces),
                 "a cut changes nothing");
  LATCHKEY_CHECK(wire::PercentDecode(wire::PercentEncode(text)) == text,
                 "text survives percent-encoding");
  for (const char c : wire::PercentEncode(text)) {
    LATCHKEY_CHECK(c >= ' ' && c <= '~', "a header is printable ASCII");
  }
  LATCHKEY_CHECK(wire::PercentDecode(text).size() <= size,
                 "decoding adds nothing");
  return 0;
}
