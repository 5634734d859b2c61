// A block of headers that is said to keep HPACK's table keeps nghttp2's, and
// frames come out of FrameReader as they went in.

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proto/wire/header_blocks.h"
#include "server/base/check.h"
#include "server/transport/native/frame_reader.h"

namespace latchkey {
namespace {

// Decodes `block`; returns whether nghttp2 takes it.
bool Inflate(nghttp2_hd_inflater* inflater, std::string_view block) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(block.data());
  size_t left = block.size();
  while (true) {
    nghttp2_nv header;
    int flags = 0;
    const ssize_t taken =
        nghttp2_hd_inflate_hd2(inflater, &header, &flags, bytes, left, 1);
    if (taken < 0) return false;
    bytes += taken;
    left -= static_cast<size_t>(taken);
    if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
    if (taken == 0 && (flags & NGHTTP2_HD_INFLATE_EMIT) == 0) return false;
  }
  return nghttp2_hd_inflate_end_headers(inflater) == 0;
}

void CheckTable(std::string_view block) {
  nghttp2_hd_inflater* inflater = nullptr;
  LATCHKEY_CHECK(nghttp2_hd_inflate_new(&inflater) == 0, "there is memory");
  // Something that can be referred to.
  LATCHKEY_CHECK(Inflate(inflater, "\x40\x01n\x01v"), "a good block");
  const size_t entries = nghttp2_hd_inflate_get_num_table_entries(inflater);
  const size_t limit = nghttp2_hd_inflate_get_max_dynamic_table_size(inflater);
  if (Inflate(inflater, block) && wire::KeepsTable(block)) {
    LATCHKEY_CHECK(
        nghttp2_hd_inflate_get_num_table_entries(inflater) == entries &&
            nghttp2_hd_inflate_get_max_dynamic_table_size(inflater) == limit,
        "a block that keeps the table keeps it");
  }
  nghttp2_hd_inflate_del(inflater);
}

void CheckFrames(std::string_view bytes, size_t part) {
  FrameReader reader;
  std::string out;
  std::string_view rest = bytes;
  while (!rest.empty()) {
    std::string_view input = rest.substr(0, part);
    rest.remove_prefix(input.size());
    while (!input.empty()) out += reader.Next(&input).bytes;
  }
  LATCHKEY_CHECK(bytes.starts_with(out), "frames come out as they went in");
}

}  // namespace
}  // namespace latchkey

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  latchkey::CheckTable(bytes);
  if (!bytes.empty()) {
    latchkey::CheckFrames(bytes.substr(1),
                          1 + static_cast<unsigned char>(bytes[0]));
  }
  return 0;
}
