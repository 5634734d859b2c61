// Inflates compressed messages, with a limit on what comes out: a few kilobytes
// can inflate to gigabytes.
//
// Thread safety: a free function, no shared state.

#ifndef LATCHKEY_SERVER_TRANSPORT_NATIVE_GZIP_H_
#define LATCHKEY_SERVER_TRANSPORT_NATIVE_GZIP_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace latchkey {

// Replaces `*inflated` by what the gzip stream `compressed` holds.
//
// Errors: RESOURCE_EXHAUSTED where that is more than `bytes_max` bytes, of
// which no more than that are ever held; INTERNAL where it is no gzip stream,
// or not just one.
absl::Status InflateGzip(std::string_view compressed, size_t bytes_max,
                         std::string* inflated);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_TRANSPORT_NATIVE_GZIP_H_
