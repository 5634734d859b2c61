// The encoding of the trailer `grpc-message`: UTF-8 in which every byte that is
// no printable ASCII, and '%' itself, is written as '%' and two hexadecimal
// digits.
//
// Thread safety: free functions, no shared state.

#ifndef LATCHKEY_PROTO_WIRE_PERCENT_ENCODING_H_
#define LATCHKEY_PROTO_WIRE_PERCENT_ENCODING_H_

#include <string>
#include <string_view>

namespace latchkey::wire {

std::string PercentEncode(std::string_view text);

// The opposite.  Never fails: a '%' that two hexadecimal digits do not follow
// stays as it is, which is what the protocol asks of a reader.
std::string PercentDecode(std::string_view text);

}  // namespace latchkey::wire

#endif  // LATCHKEY_PROTO_WIRE_PERCENT_ENCODING_H_
