#include "server/service/element_count.h"

#include <cstdint>

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/wire_format_lite.h"

namespace latchkey {

size_t CountElements(std::string_view bytes, int number) {
  using google::protobuf::internal::WireFormatLite;
  const uint32_t element_tag = WireFormatLite::MakeTag(
      number, WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
  size_t count = 0;
  // Mostly there is nothing but the list, of short elements: a byte for the tag
  // and one for the size of each.
  while (bytes.size() >= 2 && static_cast<uint8_t>(bytes[0]) == element_tag &&
         static_cast<uint8_t>(bytes[1]) < 0x80) {
    const size_t size = 2 + static_cast<size_t>(bytes[1]);
    if (size > bytes.size()) break;
    bytes.remove_prefix(size);
    ++count;
  }
  if (bytes.empty()) return count;
  google::protobuf::io::CodedInputStream in(
      reinterpret_cast<const uint8_t*>(bytes.data()),
      static_cast<int>(bytes.size()));
  while (const uint32_t tag = in.ReadTag()) {
    if (tag == element_tag) ++count;
    if (!WireFormatLite::SkipField(&in, tag)) break;
  }
  return count;
}

}  // namespace latchkey
