// What pages of other origins may do with the server, as the Fetch standard has
// it (CORS).  Nobody may where no origin is allowed.
//
// The answer to an allowed origin names it; what a browser asks before a call,
// by OPTIONS, is answered with what a page may send.
//
// Thread safety: free functions, no shared state.

#ifndef LATCHKEY_SERVER_TRANSPORT_NATIVE_CORS_H_
#define LATCHKEY_SERVER_TRANSPORT_NATIVE_CORS_H_

#include <string>
#include <string_view>
#include <vector>

namespace latchkey {

// What an answer lets a page see: what may stand in headers where the call has
// failed.
inline constexpr std::string_view kExposedHeaders =
    "grpc-status,grpc-message,grpc-status-details-bin,grpc-encoding,"
    "grpc-accept-encoding,grpc-retry-pushback-ms,latchkey-replayed,"
    "latchkey-server-us,latchkey-stamp";

// How long a browser need not ask again, in seconds: the most that Chromium
// keeps.
inline constexpr std::string_view kPreflightSecondsMax = "7200";

// What the answer to a page of `origin` names as allowed: the origin, or "*"
// where that is among `allowed`; empty where it is not allowed.
std::string_view AllowedOrigin(const std::vector<std::string>& allowed,
                               std::string_view origin);

// Those of the headers `asked`, a list with commas, that a call may have.
std::string AllowedHeaders(std::string_view asked);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_TRANSPORT_NATIVE_CORS_H_
