#include "server/service/element_count.h"

#include <cstdint>

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/wire_format_lite.h"

namespace latchkey {

size_t CountElements(std::string_view bytes, int number) {
  using google::protobuf::internal::WireFormatLite;
  const uint32_t element_tag = WireFormatLite::MakeTag(
      number, WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
  google::protobuf::io::CodedInputStream in(
      reinterpret_cast<const uint8_t*>(bytes.data()),
      static_cast<int>(bytes.size()));
  size_t count = 0;
  while (const uint32_t tag = in.ReadTag()) {
    if (tag == element_tag) ++count;
    if (!WireFormatLite::SkipField(&in, tag)) break;
  }
  return count;
}

}  // namespace latchkey
