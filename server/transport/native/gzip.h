// Compresses messages, and inflates compressed ones with a limit on what comes
// out: a few kilobytes can inflate to gigabytes.
//
// Thread safety: free functions, no shared state.

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

// `bytes` as a gzip stream; empty where zlib has no memory.
std::string DeflateGzip(std::string_view bytes);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_TRANSPORT_NATIVE_GZIP_H_
