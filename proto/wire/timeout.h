// The value of the header `grpc-timeout`: one to eight digits and a unit, as
// "250m" for 250 milliseconds.
//
// Thread safety: free functions, no shared state.

#ifndef LATCHKEY_PROTO_WIRE_TIMEOUT_H_
#define LATCHKEY_PROTO_WIRE_TIMEOUT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace latchkey::wire {

// `text` in nanoseconds, the greatest int64 where it is longer than that
// (292 years), or nothing where it is no timeout.
std::optional<int64_t> ParseTimeout(std::string_view text);

// The shortest timeout that is not less than `nanos`, in the finest unit that
// has room for it.  REQUIRES: nanos >= 0.
std::string FormatTimeout(int64_t nanos);

}  // namespace latchkey::wire

#endif  // LATCHKEY_PROTO_WIRE_TIMEOUT_H_
