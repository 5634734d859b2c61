// The encoding of metadata whose name ends in "-bin": Base64 (RFC 4648, section
// 4).  Writers leave the padding out; readers accept it either way.
//
// Thread safety: free functions, no shared state.

#ifndef LATCHKEY_PROTO_WIRE_BASE64_H_
#define LATCHKEY_PROTO_WIRE_BASE64_H_

#include <optional>
#include <string>
#include <string_view>

namespace latchkey::wire {

// Whether metadata of this name is bytes, and so Base64 on the wire.
constexpr bool IsBinaryName(std::string_view name) {
  return name.ends_with("-bin");
}

// Without padding.
std::string Base64Encode(std::string_view bytes);

// With padding, as gRPC-Web's text has it.
std::string Base64EncodePadded(std::string_view bytes);

// With or without padding; nothing where `text` is no Base64.
std::optional<std::string> Base64Decode(std::string_view text);

}  // namespace latchkey::wire

#endif  // LATCHKEY_PROTO_WIRE_BASE64_H_
