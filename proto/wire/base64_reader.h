// Base64Reader decodes the text form of gRPC-Web as it comes: Base64 with
// padding, cut anywhere, and perhaps of several parts that were encoded each
// for itself, so that padding may stand inside.
//
// Thread safety: none.
//
// Example:
//   Base64Reader reader;
//   std::string bytes;
//   if (!reader.Read(text, &bytes)) ...
//   if (!reader.is_whole()) ...   // at the end

#ifndef LATCHKEY_PROTO_WIRE_BASE64_READER_H_
#define LATCHKEY_PROTO_WIRE_BASE64_READER_H_

#include <string>
#include <string_view>

namespace latchkey::wire {

class Base64Reader {
 public:
  // Appends to `bytes` what `text`, behind what was read before, stands for.
  // Returns false where it is no Base64; then nothing may follow.
  [[nodiscard]] bool Read(std::string_view text, std::string* bytes);

  // Whether the text could end here.
  bool is_whole() const { return rest_.empty(); }

 private:
  // Up to three characters of a group of four.
  std::string rest_;
};

}  // namespace latchkey::wire

#endif  // LATCHKEY_PROTO_WIRE_BASE64_READER_H_
